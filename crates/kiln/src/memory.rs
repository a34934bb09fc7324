//! How the allocator gives memory back.

/// Makes every large buffer a mapping of its own for good, which goes back to the machine when it is freed.
///
/// GNU's allocator begins so, but after it has freed one large buffer it takes the next ones from its heap: a server that
/// once read a distribution would stay as large as it was then. To be called before there is a second thread. Elsewhere it
/// does nothing.
#[cfg_attr(
    target_env = "gnu",
    expect(unsafe_code, reason = "only the C library can be asked, and nothing wraps the call safely")
)]
pub(crate) fn give_back_large_buffers() {
    #[cfg(target_env = "gnu")]
    {
        /// What the C library calls large at first; to name any size is what makes it stay.
        const LARGE_BYTES: libc::c_int = 128 * 1024;
        // SAFETY: two numbers, and no other thread that could be allocating. Refused, nothing is different.
        unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES) };
    }
}

#[cfg(test)]
#[cfg(target_env = "gnu")]
mod tests {
    use super::*;

    fn resident_bytes() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Fills a buffer above one that stays, so that on a heap it could not be given back.
    fn use_and_free(bytes: usize) -> Vec<u8> {
        let large = vec![1_u8; bytes];
        let stays = vec![1_u8; 1000];
        drop(large);
        stays
    }

    /// Other tests allocate too, so what is measured runs in a process of its own.
    #[test]
    fn a_server_is_small_again_after_it_was_large() {
        let program = std::env::current_exe().unwrap();
        let output = std::process::Command::new(program)
            .args(["--ignored", "--exact", "memory::tests::large_buffers_go_back", "--test-threads=1", "--nocapture"])
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && printed.contains("1 passed"), "{printed}");
    }

    #[test]
    #[ignore = "measures its process; the test above runs it alone"]
    fn large_buffers_go_back() {
        const BUFFER: usize = 12 << 20;
        give_back_large_buffers();
        // The first one would teach the allocator that buffers of this size belong on the heap.
        let kept = vec![use_and_free(BUFFER)];
        let before = resident_bytes();
        let kept: Vec<_> = kept.into_iter().chain((0..8).map(|_| use_and_free(BUFFER))).collect();
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < BUFFER / 2, "{} buffers stay, and {grown} bytes with them", kept.len());
    }
}

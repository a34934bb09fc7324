//! The system calls that need `unsafe`, each behind a safe function.
//!
//! Only the helper uses them, and the helper has one thread.

#![expect(unsafe_code, reason = "system calls that neither std nor rustix wraps safely")]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::seccomp::Filter;

fn check(result: libc::c_long) -> io::Result<libc::c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Forks into new namespaces. Returns the child's id, or `None` in the child.
///
/// To be called from a process with one thread only.
pub(super) fn fork_into(namespaces: libc::c_int) -> io::Result<Option<u32>> {
    let flags = libc::c_long::from(namespaces | libc::SIGCHLD);
    // SAFETY: a plain fork (no shared memory, no new stack) of a single-threaded process: the child may do anything.
    let id = check(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })?;
    Ok(u32::try_from(id).ok().filter(|id| *id != 0))
}

/// Becomes another user and group without further groups. Capabilities go unless `id` is 0.
pub(super) fn become_user(id: u32) -> io::Result<()> {
    // SAFETY: no pointers but the empty list; single-threaded, so the raw calls change the whole process.
    unsafe {
        check(libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<libc::gid_t>()))?;
        check(libc::syscall(libc::SYS_setresgid, id, id, id))?;
        check(libc::syscall(libc::SYS_setresuid, id, id, id))?;
    }
    Ok(())
}

/// Gives up every capability for this process and all it starts, for ever.
pub(super) fn drop_bounding_set() {
    for capability in 0..=63 {
        // SAFETY: numbers only; unknown capabilities are refused by the kernel, which is fine.
        unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    }
}

/// Installs a system call filter; also forbids new privileges.
pub(super) fn install_filter(filter: &Filter) -> io::Result<()> {
    let instructions = filter.instructions();
    let length = u16::try_from(instructions.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: instructions.as_ptr().cast_mut() };
    // SAFETY: the kernel copies the program, which outlives the call, and does not write to it.
    unsafe {
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0).into())?;
        check(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program).into())?;
    }
    Ok(())
}

/// Blocks `SIGCHLD`, so that [`wait_for_child_signal`] gets it.
pub(super) fn block_child_signal() -> io::Result<()> {
    let set = child_signal();
    // SAFETY: the set is initialized; no old set is asked for.
    check(unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) }.into())?;
    Ok(())
}

/// Waits until a child changed its state or the time is over.
pub(super) fn wait_for_child_signal(timeout: Duration) {
    let set = child_signal();
    let time = libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(timeout.subsec_nanos().cast_signed()),
    };
    // SAFETY: set and time are initialized; no information is asked for. Any result means: look again.
    unsafe { libc::sigtimedwait(&raw const set, std::ptr::null_mut(), &raw const time) };
}

fn child_signal() -> libc::sigset_t {
    // SAFETY: `sigemptyset` initializes the zeroed set; both calls only write to it.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        set
    }
}

/// Kills every process of the own process namespace but the caller, which is its first.
pub(super) fn kill_all() {
    // SAFETY: numbers only. The caller is the first process of its namespace, so -1 means everything inside. Nothing
    // there to kill is fine.
    unsafe {
        if libc::getpid() == 1 {
            libc::kill(-1, libc::SIGKILL);
        }
    }
}

/// Size of a memory page.
pub(super) fn page_bytes() -> u64 {
    // SAFETY: a number only.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// Moves this process to new namespaces.
pub(super) fn unshare(namespaces: libc::c_int) -> io::Result<()> {
    // SAFETY: a number only; the process has one thread, which all of it moves with.
    check(unsafe { libc::unshare(namespaces) }.into())?;
    Ok(())
}

/// Makes programs see a 32-bit machine.
pub(super) fn become_32bit() -> io::Result<()> {
    const PER_LINUX32: libc::c_ulong = 8;
    // SAFETY: a number only.
    check(unsafe { libc::personality(PER_LINUX32) }.into())?;
    Ok(())
}

/// Runs `prepare` in a child before it executes its program.
///
/// `prepare` may only make system calls and must not depend on locks; the helper has one thread, so memory is fine.
pub(super) fn before_exec(
    command: &mut std::process::Command,
    prepare: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    use std::os::unix::process::CommandExt as _;
    // SAFETY: the process that forks has one thread, hence no lock can be held by another one.
    unsafe { command.pre_exec(prepare) };
}

/// Takes over the descriptor of standard input, which no longer is standard input then.
pub(super) fn take_standard_input() -> io::Result<OwnedFd> {
    let null = File::open("/dev/null")?;
    // SAFETY: both descriptors are open; the duplicate is owned by nobody else.
    unsafe {
        let copy = check(libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 3).into())?;
        check(libc::dup2(null.as_raw_fd(), 0).into())?;
        Ok(OwnedFd::from_raw_fd(RawFd::try_from(copy).map_err(io::Error::other)?))
    }
}

/// Switches the loopback network device on.
pub(super) fn loopback_up() -> io::Result<()> {
    // SAFETY: the request is zeroed but for its name and flags, both within their fields.
    unsafe {
        let socket = check(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0).into())?;
        let socket = OwnedFd::from_raw_fd(RawFd::try_from(socket).map_err(io::Error::other)?);
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
            *to = from.cast_signed();
        }
        request.ifr_ifru.ifru_flags = i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).map_err(io::Error::other)?;
        check(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request).into())?;
    }
    Ok(())
}

/// `struct loop_info64` of the kernel.
#[repr(C)]
struct LoopInfo {
    device: u64,
    inode: u64,
    real_device: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config` of the kernel.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    info: LoopInfo,
    reserved: [u64; 8],
}

const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4c82;
const LOOP_CONFIGURE: libc::Ioctl = 0x4c0a;
const LO_FLAGS_READ_ONLY: u32 = 1;
const LO_FLAGS_AUTOCLEAR: u32 = 4;

/// A loop device over an image; it goes away with its last user.
pub(super) struct LoopDevice {
    /// Its path.
    pub path: PathBuf,
    _device: File,
}

/// Sets up a loop device.
pub(super) fn loop_device(image: &Path, read_only: bool) -> io::Result<LoopDevice> {
    let control = File::options().read(true).write(true).open("/dev/loop-control")?;
    let image = File::options().read(true).write(!read_only).open(image)?;
    // Another process may take the free device first.
    for _ in 0..64 {
        // SAFETY: no argument.
        let number = check(unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE) }.into())?;
        let path = PathBuf::from(format!("/dev/loop{number}"));
        let device = File::options().read(true).write(true).open(&path)?;
        // SAFETY: all-zero is a valid value of this plain struct of numbers.
        let mut config: LoopConfig = unsafe { std::mem::zeroed() };
        config.fd = u32::try_from(image.as_raw_fd()).map_err(io::Error::other)?;
        config.info.flags = LO_FLAGS_AUTOCLEAR | if read_only { LO_FLAGS_READ_ONLY } else { 0 };
        // SAFETY: the kernel reads one `loop_config` from the pointer.
        match check(unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE, &raw const config) }.into()) {
            Ok(_) => return Ok(LoopDevice { path, _device: device }),
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("no loop device is free"))
}

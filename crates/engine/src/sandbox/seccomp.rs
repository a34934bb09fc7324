//! The system call filter: a deny list, because recipes run compilers, interpreters and test suites of all kinds.
//!
//! Denied is what could reach the kernel's less walked corners (other namespaces, mounts, keys, BPF, io_uring) and what
//! speaks of the machine as a whole. Answers are errors and not signals, so that configure scripts see "not there".
//! Synchronizing calls succeed at once: what a sandbox writes is thrown away or copied, never trusted after a crash.

/// Answer: not permitted.
const DENY: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM.cast_unsigned();
/// Answer: the kernel does not know this call; callers have an older way.
const UNKNOWN: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
/// Answer: done.
const NOTHING: u32 = libc::SECCOMP_RET_ERRNO;

/// One call: its number on this machine, on its 32-bit sibling (`-1`: none), and the answer.
type Rule = (libc::c_long, i64, u32);

const RULES: &[Rule] = &[
    (libc::SYS_fsync, I386.fsync, NOTHING),
    (libc::SYS_fdatasync, I386.fdatasync, NOTHING),
    (libc::SYS_sync, I386.sync, NOTHING),
    (libc::SYS_syncfs, I386.syncfs, NOTHING),
    (libc::SYS_sync_file_range, I386.sync_file_range, NOTHING),
    (libc::SYS_clone3, 435, UNKNOWN),
    (libc::SYS_io_uring_setup, 425, UNKNOWN),
    (libc::SYS_io_uring_enter, 426, UNKNOWN),
    (libc::SYS_io_uring_register, 427, UNKNOWN),
    (libc::SYS_userfaultfd, I386.userfaultfd, DENY),
    (libc::SYS_unshare, I386.unshare, DENY),
    (libc::SYS_setns, I386.setns, DENY),
    (libc::SYS_mount, 21, DENY),
    (libc::SYS_umount2, 52, DENY),
    (libc::SYS_pivot_root, I386.pivot_root, DENY),
    (libc::SYS_open_tree, 428, DENY),
    (libc::SYS_move_mount, 429, DENY),
    (libc::SYS_fsopen, 430, DENY),
    (libc::SYS_fsconfig, 431, DENY),
    (libc::SYS_fsmount, 432, DENY),
    (libc::SYS_fspick, 433, DENY),
    (libc::SYS_mount_setattr, 442, DENY),
    (libc::SYS_name_to_handle_at, I386.name_to_handle_at, DENY),
    (libc::SYS_open_by_handle_at, I386.open_by_handle_at, DENY),
    (libc::SYS_quotactl, I386.quotactl, DENY),
    (libc::SYS_swapon, I386.swapon, DENY),
    (libc::SYS_swapoff, I386.swapoff, DENY),
    (libc::SYS_acct, I386.acct, DENY),
    (libc::SYS_reboot, I386.reboot, DENY),
    (libc::SYS_kexec_load, I386.kexec_load, DENY),
    (libc::SYS_init_module, I386.init_module, DENY),
    (libc::SYS_finit_module, I386.finit_module, DENY),
    (libc::SYS_delete_module, I386.delete_module, DENY),
    (libc::SYS_syslog, I386.syslog, DENY),
    (libc::SYS_bpf, I386.bpf, DENY),
    (libc::SYS_perf_event_open, I386.perf_event_open, DENY),
    (libc::SYS_add_key, I386.add_key, DENY),
    (libc::SYS_request_key, I386.request_key, DENY),
    (libc::SYS_keyctl, I386.keyctl, DENY),
    (libc::SYS_settimeofday, I386.settimeofday, DENY),
    (libc::SYS_clock_settime, I386.clock_settime, DENY),
    (libc::SYS_vhangup, I386.vhangup, DENY),
    (libc::SYS_lookup_dcookie, I386.lookup_dcookie, DENY),
    (libc::SYS_sethostname, I386.sethostname, DENY),
    (libc::SYS_setdomainname, I386.setdomainname, DENY),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_iopl, 110, DENY),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_ioperm, 101, DENY),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_kexec_file_load, -1, DENY),
];

/// Numbers of the 32-bit sibling: i386 on x86_64, arm on aarch64.
struct Sibling {
    fsync: i64,
    fdatasync: i64,
    sync: i64,
    syncfs: i64,
    sync_file_range: i64,
    userfaultfd: i64,
    unshare: i64,
    setns: i64,
    pivot_root: i64,
    name_to_handle_at: i64,
    open_by_handle_at: i64,
    quotactl: i64,
    swapon: i64,
    swapoff: i64,
    acct: i64,
    reboot: i64,
    kexec_load: i64,
    init_module: i64,
    finit_module: i64,
    delete_module: i64,
    syslog: i64,
    bpf: i64,
    perf_event_open: i64,
    add_key: i64,
    request_key: i64,
    keyctl: i64,
    settimeofday: i64,
    clock_settime: i64,
    vhangup: i64,
    lookup_dcookie: i64,
    sethostname: i64,
    setdomainname: i64,
}

#[cfg(target_arch = "x86_64")]
const I386: Sibling = Sibling {
    fsync: 118,
    fdatasync: 148,
    sync: 36,
    syncfs: 344,
    sync_file_range: 314,
    userfaultfd: 374,
    unshare: 310,
    setns: 346,
    pivot_root: 217,
    name_to_handle_at: 341,
    open_by_handle_at: 342,
    quotactl: 131,
    swapon: 87,
    swapoff: 115,
    acct: 51,
    reboot: 88,
    kexec_load: 283,
    init_module: 128,
    finit_module: 350,
    delete_module: 129,
    syslog: 103,
    bpf: 357,
    perf_event_open: 336,
    add_key: 286,
    request_key: 287,
    keyctl: 288,
    settimeofday: 79,
    clock_settime: 264,
    vhangup: 111,
    lookup_dcookie: 253,
    sethostname: 74,
    setdomainname: 121,
};
#[cfg(target_arch = "aarch64")]
const I386: Sibling = Sibling {
    fsync: 118,
    fdatasync: 148,
    sync: 36,
    syncfs: 373,
    sync_file_range: 341,
    userfaultfd: 388,
    unshare: 337,
    setns: 375,
    pivot_root: 218,
    name_to_handle_at: 370,
    open_by_handle_at: 371,
    quotactl: 131,
    swapon: 87,
    swapoff: 115,
    acct: 51,
    reboot: 88,
    kexec_load: 347,
    init_module: 128,
    finit_module: 379,
    delete_module: 129,
    syslog: 103,
    bpf: 386,
    perf_event_open: 364,
    add_key: 309,
    request_key: 310,
    keyctl: 311,
    settimeofday: 79,
    clock_settime: 262,
    vhangup: 111,
    lookup_dcookie: 249,
    sethostname: 74,
    setdomainname: 121,
};

#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e;
#[cfg(target_arch = "x86_64")]
const SIBLING: u32 = 0x4000_0003;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7;
#[cfg(target_arch = "aarch64")]
const SIBLING: u32 = 0x4000_0028;

/// `clone` of both siblings (the native number comes from libc).
const SIBLING_CLONE: i64 = 120;
/// Above all numbers but those of the x32 calling convention, which nobody builds for.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

/// Offsets in the kernel's `struct seccomp_data`.
const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCH: u32 = 4;
const OFFSET_FIRST_ARGUMENT: u32 = 16;

/// A filter program, ready for the kernel.
pub(super) struct Filter(Vec<libc::sock_filter>);

impl Filter {
    /// The filter of everything that runs inside a sandbox.
    pub(super) fn new() -> Self {
        let native = Self::table(RULES.iter().map(|(number, _, answer)| (*number, *answer)), libc::SYS_clone, true);
        let sibling = Self::table(RULES.iter().map(|(_, number, answer)| (*number, *answer)), SIBLING_CLONE, false);
        let mut program = vec![load(OFFSET_ARCH)];
        program.extend(unless(NATIVE, native));
        program.push(load(OFFSET_ARCH));
        program.extend(unless(SIBLING, sibling));
        program.push(answer(DENY));
        Self(program)
    }

    /// Instructions for one architecture; they always answer.
    fn table(rules: impl Iterator<Item = (i64, u32)>, clone: i64, native: bool) -> Vec<libc::sock_filter> {
        let mut program = vec![load(OFFSET_NUMBER)];
        #[cfg(target_arch = "x86_64")]
        if native {
            program.extend([jump(libc::BPF_JGE, X32, 0, 1), answer(UNKNOWN)]);
        }
        let _ = native;
        for (number, reply) in rules {
            if let Ok(number) = u32::try_from(number) {
                program.extend([jump(libc::BPF_JEQ, number, 0, 1), answer(reply)]);
            }
        }
        // A user namespace inside would give capabilities over new kernel code; all other forks are fine.
        program.extend([
            jump(libc::BPF_JEQ, u32::try_from(clone).unwrap_or(u32::MAX), 0, 3),
            load(OFFSET_FIRST_ARGUMENT),
            jump(libc::BPF_JSET, libc::CLONE_NEWUSER.cast_unsigned(), 0, 1),
            answer(DENY),
            answer(libc::SECCOMP_RET_ALLOW),
        ]);
        program
    }

    /// The instructions.
    pub(super) fn instructions(&self) -> &[libc::sock_filter] {
        &self.0
    }
}

/// `body` if the loaded word is `value`; jumps of BPF reach 255 instructions, so a longer way is taken around it.
fn unless(value: u32, body: Vec<libc::sock_filter>) -> Vec<libc::sock_filter> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let mut program = vec![jump(libc::BPF_JEQ, value, 1, 0), instruction(libc::BPF_JMP | libc::BPF_JA, length, 0, 0)];
    program.extend(body);
    program
}

fn load(offset: u32) -> libc::sock_filter {
    instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset, 0, 0)
}

fn jump(test: u32, value: u32, if_true: u8, if_false: u8) -> libc::sock_filter {
    instruction(libc::BPF_JMP | test | libc::BPF_K, value, if_true, if_false)
}

fn answer(value: u32) -> libc::sock_filter {
    instruction(libc::BPF_RET | libc::BPF_K, value, 0, 0)
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    // All BPF codes are below 256.
    libc::sock_filter { code: u16::try_from(code).unwrap_or_default(), jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine for the few instructions we use.
    fn run(filter: &Filter, arch: u32, number: u32, first_argument: u32) -> u32 {
        let program = filter.instructions();
        let (mut at, mut loaded) = (0, 0);
        loop {
            let step = program[at];
            at += 1;
            match u32::from(step.code) {
                code if code == libc::BPF_LD | libc::BPF_W | libc::BPF_ABS => {
                    loaded = match step.k {
                        OFFSET_NUMBER => number,
                        OFFSET_ARCH => arch,
                        OFFSET_FIRST_ARGUMENT => first_argument,
                        other => panic!("load of {other}"),
                    }
                }
                code if code == libc::BPF_RET => return step.k,
                code if code == libc::BPF_JMP | libc::BPF_JA => at += step.k as usize,
                code => {
                    let holds = match code & 0xf0 {
                        libc::BPF_JEQ => loaded == step.k,
                        libc::BPF_JGE => loaded >= step.k,
                        libc::BPF_JSET => loaded & step.k != 0,
                        other => panic!("jump {other}"),
                    };
                    at += usize::from(if holds { step.jt } else { step.jf });
                }
            }
        }
    }

    #[test]
    fn dangerous_calls_are_denied_and_others_allowed_on_both_architectures() {
        let filter = Filter::new();
        let native = |number: libc::c_long, argument: libc::c_int| {
            run(&filter, NATIVE, u32::try_from(number).unwrap(), argument.cast_unsigned())
        };
        assert_eq!(native(libc::SYS_read, 0), libc::SECCOMP_RET_ALLOW);
        assert_eq!(native(libc::SYS_mount, 0), DENY);
        assert_eq!(native(libc::SYS_keyctl, 0), DENY);
        assert_eq!(native(libc::SYS_fsync, 0), NOTHING);
        assert_eq!(native(libc::SYS_clone3, 0), UNKNOWN);
        assert_eq!(native(libc::SYS_clone, libc::SIGCHLD), libc::SECCOMP_RET_ALLOW);
        assert_eq!(native(libc::SYS_clone, libc::CLONE_NEWUSER | libc::SIGCHLD), DENY);
        assert_eq!(run(&filter, SIBLING, 3, 0), libc::SECCOMP_RET_ALLOW, "read of i386");
        assert_eq!(run(&filter, SIBLING, 21, 0), DENY, "mount of i386");
        assert_eq!(run(&filter, 0x1234, 0, 0), DENY, "unknown architecture");
    }
}

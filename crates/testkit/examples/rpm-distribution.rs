//! Makes the rpm distribution of the tests by hand: `cargo run -p testkit --example rpm-distribution FOLDER`.
//!
//! The folder gets the repository and beside it `prjconf.conf`, the build configuration that goes with it.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a command line tool that fails with a trace")]

use std::path::Path;

use testkit::rpm_distribution::RpmDistribution;

fn main() {
    let folder = std::env::args().nth(1).expect("usage: rpm-distribution FOLDER");
    let folder = Path::new(&folder);
    let started = std::time::Instant::now();
    let distribution = RpmDistribution::get().unwrap();
    distribution.copy_to(folder);
    std::fs::write(folder.join("prjconf.conf"), RpmDistribution::CONFIG).unwrap();
    println!("{}: {} packages in {:.1?}", folder.display(), distribution.rpms().len(), started.elapsed());
}

//! Spec files.
#![no_main]

use std::sync::LazyLock;

use prjconf::{BuildConfig, Options, evaluate, parse};
use recipe::spec::{SpecContext, SpecOptions};

static CONFIG: LazyLock<BuildConfig> = LazyLock::new(|| {
    let text = include_bytes!("../../corpus/spec/suse.conf");
    evaluate(&parse(text), &Options::for_arch("x86_64")).config
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let files = |name: &str| (name.len() % 2 == 1).then(|| bytes.to_vec());
    let options = SpecOptions { file_name: Some("a.spec"), files: Some(&files), ..SpecOptions::default() };
    let (spec, findings) = recipe::spec::parse(bytes, &SpecContext::new(&CONFIG), &options);
    let _ = (spec.recipe(), spec.request());
    for finding in findings {
        assert!(finding.span.start <= finding.span.end && finding.span.end <= bytes.len());
    }
});

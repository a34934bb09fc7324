//! Version orders against the answers of the tools that define them.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "the answers are files")]

use std::cmp::Ordering;
use std::path::Path;

use pkg::version::{compare_apk, compare_deb, compare_dpkg, compare_rpm, compare_rpm_part};

/// Compares every line of a table in `corpus/evr`, in both directions.
fn check(table: &str, compare: fn(&str, &str) -> Ordering) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/evr").join(table);
    let text = std::fs::read_to_string(path).unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let [left, relation, right] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        let wanted = match relation {
            "<" => Ordering::Less,
            ">" => Ordering::Greater,
            _ => Ordering::Equal,
        };
        count += 1;
        if compare(left, right) != wanted {
            wrong.push(format!("{line} but {:?}", compare(left, right)));
        }
    }
    assert!(count > 100);
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn rpm_versions_are_ordered_as_by_obs_build() {
    check("rpm.tsv", compare_rpm);
}

#[test]
fn rpm_version_parts_are_ordered_as_by_rpm() {
    check("rpmvercmp.tsv", compare_rpm_part);
}

#[test]
fn debian_versions_are_ordered_as_by_obs_build() {
    check("deb.tsv", compare_deb);
}

#[test]
fn debian_versions_are_ordered_as_by_dpkg() {
    check("dpkg.tsv", compare_dpkg);
}

#[test]
fn alpine_versions_are_ordered_as_by_obs_build() {
    check("apk.tsv", compare_apk);
}

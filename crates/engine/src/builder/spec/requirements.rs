//! Hears which requirements rpmbuild finds missing, and why a source package can not be unpacked.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use model::FailureCause;
use pkg::PackageFormat;
use pkgfile::rpm::{RelationKind, RpmLimits, RpmReader};

use super::{FIRST_STEP, LAST_STEP, MISSING_REQUIREMENTS, REQUIREMENTS};
use crate::builder::{Listener, Results, chain, invalid};
use crate::log::{Complaints, Lines};
use crate::root;
use crate::run::Stop;

/// Most requirements of one round.
const REQUIREMENTS_LIMIT: usize = 10_000;
/// Most bytes of all of them.
const REQUIREMENTS_BYTES: usize = 1 << 20;

/// The listener of a spec file's build.
pub(super) struct Requirements<'a> {
    recipe: &'a str,
    /// While a source package is unpacked.
    unpacking: Option<Complaints>,
    lines: Lines,
    missing: Missing,
}

impl<'a> Requirements<'a> {
    pub(super) fn new(recipe: &'a str) -> Self {
        Self { recipe, unpacking: None, lines: Lines::default(), missing: Missing::default() }
    }
}

impl Listener for Requirements<'_> {
    fn began(&mut self, step: &str) {
        let format = root::format(PackageFormat::Rpm).filter(|_| step == FIRST_STEP);
        self.unpacking = format.map(Complaints::new);
    }

    fn printed(&mut self, bytes: &[u8]) {
        if let Some(complaints) = &mut self.unpacking {
            complaints.hear(bytes);
        } else {
            let missing = &mut self.missing;
            self.lines.hear(bytes, |line| missing.hear(line));
        }
    }

    fn ended(&mut self, _step: &str) -> Option<FailureCause> {
        None
    }

    fn failed(&self, step: &str, status: i32, results: &Results) -> Option<Stop> {
        if step == FIRST_STEP {
            let detail = self
                .unpacking
                .as_ref()
                .and_then(Complaints::messages)
                .unwrap_or_else(|| format!("{FIRST_STEP} could not unpack it and ended with exit status {status}"));
            return Some(Stop::Failed(FailureCause::SourceInvalid { file: self.recipe.to_owned(), detail }));
        }
        if step != LAST_STEP || status != MISSING_REQUIREMENTS {
            return None;
        }
        let file = results.files.iter().find(|file| file.name.as_str().ends_with(REQUIREMENTS))?;
        let wanted = match requirements(&results.path(file)) {
            Ok(wanted) => wanted,
            Err(detail) => return Some(Stop::Failed(invalid(file.name.as_str(), detail))),
        };
        Some(Stop::NeedsPackages(self.missing.among(wanted)))
    }
}

/// What a package requires, without what rpm itself must be able to do.
fn requirements(path: &Path) -> Result<Vec<String>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let reader = RpmReader::open(BufReader::new(file), RpmLimits::default()).map_err(|error| chain(&error))?;
    let relations = reader.package().relations(RelationKind::Requires);
    if relations.len() > REQUIREMENTS_LIMIT {
        return Err(format!("more than {REQUIREMENTS_LIMIT} requirements"));
    }
    let mut texts: Vec<String> = Vec::new();
    let mut bytes = 0;
    for relation in relations.iter().filter(|relation| !relation.is_rpmlib()) {
        let text = relation.text();
        bytes += text.len();
        if bytes > REQUIREMENTS_BYTES {
            return Err(format!("requirements of more than {REQUIREMENTS_BYTES} bytes"));
        }
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    Ok(texts)
}

/// The list that rpmbuild prints of requirements that are not satisfied.
#[derive(Default)]
struct Missing {
    in_list: bool,
    texts: Vec<String>,
}

impl Missing {
    fn hear(&mut self, line: &str) {
        if line == "error: Failed build dependencies:" {
            (self.in_list, self.texts) = (true, Vec::new());
            return;
        }
        let listed = line.strip_prefix('\t').and_then(|line| line.rsplit_once(" is needed by "));
        match listed.filter(|_| self.in_list && self.texts.len() < REQUIREMENTS_LIMIT) {
            Some((text, _)) => self.texts.push(text.to_owned()),
            None => self.in_list = false,
        }
    }

    /// Those of the requirements that are missing; all of them if none is known to be, for something is.
    fn among(&self, wanted: Vec<String>) -> Vec<String> {
        let missing: Vec<String> = wanted.iter().filter(|text| self.texts.contains(text)).cloned().collect();
        if missing.is_empty() { wanted } else { missing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_rpmbuild_finds_missing_is_asked_for() {
        let mut missing = Missing::default();
        for line in [
            "\tfake is needed by nobody",
            "error: Failed build dependencies:",
            "\t(a or b) is needed by x-1-1.noarch",
            "\tfoo(bar) >= 3 is needed by x-1-1.noarch",
            "Wrote: /x-1-1.buildreqs.nosrc.rpm",
            "\tlate is needed by x-1-1.noarch",
        ] {
            missing.hear(line);
        }
        let wanted = ["(a or b)", "foo(bar) >= 3", "rpm", "late", "fake"].map(str::to_owned).to_vec();
        assert_eq!(missing.among(wanted.clone()), ["(a or b)", "foo(bar) >= 3"]);
        assert_eq!(Missing::default().among(wanted.clone()), wanted);
    }
}

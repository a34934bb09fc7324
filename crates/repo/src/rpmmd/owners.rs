use std::collections::HashSet;
use std::io::Read;

use super::lists::{PackageId, count_entry, package_id};
use super::primary::evr;
use super::xml::{Token, Xml};
use super::{RpmMdError, RpmMdLimits, RpmMdSummary};

const FILE: &str = "filelists.xml";

/// Finds which packages of an uncompressed `filelists.xml` have files or folders with the `wanted` paths; `%ghost` files count
/// too, as they do for rpm and libsolv.
///
/// For dependencies on paths that `primary.xml` does not list. `on_owner` is given package and path, in the order of the file,
/// once for each. Nothing is kept: memory is that of one path. The whole file is read, for a path may have many owners.
///
/// # Errors
/// As [`super::read_primary`].
pub fn find_owners(
    reader: &mut dyn Read,
    limits: &RpmMdLimits,
    wanted: &HashSet<String>,
    on_owner: &mut dyn FnMut(&PackageId, &str),
) -> Result<RpmMdSummary, RpmMdError> {
    let mut xml = Xml::new(FILE, reader, limits);
    let mut summary = RpmMdSummary::default();
    let mut id: Option<PackageId> = None;
    let mut path = String::new();
    loop {
        match xml.next()? {
            Token::Start(tag) => {
                path.clear();
                match (tag.depth, &mut id) {
                    (1, _) => {
                        let name = tag.name().to_owned();
                        xml.expect_root(&name, "filelists")?;
                    }
                    (2, _) => {
                        id = (tag.name() == "package").then(|| package_id(&tag));
                        xml.begin_package();
                    }
                    (3, Some(id)) if tag.name() == "version" => id.evr = evr(&tag).unwrap_or_default(),
                    _ => {}
                }
            }
            Token::Text(more) => path.push_str(&more),
            Token::End(3, tag) if tag.name() == "file" => {
                if let Some(id) = id.as_ref().filter(|id| id.is_usable() && wanted.contains(path.as_str())) {
                    on_owner(id, &path);
                }
                path.clear();
            }
            Token::End(2, _) => {
                let Some(id) = id.take() else { continue };
                count_entry(FILE, &summary, limits)?;
                if id.is_usable() {
                    summary.entries += 1;
                } else {
                    summary.skipped += 1;
                }
            }
            Token::End(..) | Token::Nothing => {}
            Token::Eof => return Ok(summary),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_owner_of_a_wanted_path_is_found_and_nobody_else() {
        let package = |name: &str, files: &str| {
            format!(
                "<package pkgid=\"{name}{name}\" name=\"{name}\" arch=\"noarch\"><version ver=\"1\" rel=\"2\"/>{files}</package>"
            )
        };
        let text = format!(
            "<filelists packages=\"4\">{}{}{}{}</filelists>",
            package("a", "<file>/usr/bin/x</file><file>/usr/bin/xy</file><file type=\"dir\">/opt/a&amp;b</file>"),
            package("b", "<file type=\"ghost\">/usr/bin/x</file>"),
            package("", "<file>/usr/bin/x</file>"),
            package("c", "<other>/usr/bin/x</other><file>/usr/bin/<b/>x</file>"),
        );
        let wanted: HashSet<String> = ["/usr/bin/x", "/opt/a&b", "/nowhere"].map(str::to_owned).into();
        let mut found = Vec::new();
        let mut reader = text.as_bytes();
        let summary = find_owners(&mut reader, &RpmMdLimits::default(), &wanted, &mut |id, path| {
            found.push(format!("{}-{} {path}", id.name, id.evr));
        });
        assert_eq!(summary.unwrap(), RpmMdSummary { entries: 3, skipped: 1 });
        assert_eq!(found, ["a-1-2 /usr/bin/x", "a-1-2 /opt/a&b", "b-1-2 /usr/bin/x"]);
    }
}

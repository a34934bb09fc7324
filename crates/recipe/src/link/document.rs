use super::AddedPatch;
use crate::xml::{self, Element, XmlError, escape};

/// Name of the file that makes a package a link.
pub const FILE: &str = "_link";

/// Most changes of one link.
const MOST_PATCHES: usize = 1000;

/// Which package's files a package has, and with which changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// Project of the other package; the same as the link's, if nothing is said.
    pub project: Option<String>,
    /// Name of the other package; the same as the link's, if nothing is said.
    pub package: Option<String>,
    /// Which revision of it; the newest, if nothing is said.
    pub revision: Option<String>,
    /// A count that builds are numbered after, if not the other package's.
    pub counter: Option<String>,
    /// How the counts of both packages are joined.
    pub counting: Option<String>,
    /// The files that the changes were made to.
    pub base: Option<String>,
    /// Whether a package that does not exist counts as one without files.
    pub missing_ok: bool,
    /// The changes, in order.
    pub patches: Vec<Patch>,
}

/// One change of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patch {
    /// The package has all files, and is merged with what the other one's became since the base.
    Branch,
    /// A patch is applied that is among the link's own files.
    Apply(String),
    /// A file is left out.
    Delete(String),
    /// Text is put before every spec file.
    Prepend(String),
    /// A patch that is among the link's own files becomes one of every spec file.
    Add(AddedPatch),
}

/// Why a text is no link.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Not XML, or a hostile one.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// Something in it that means nothing, or nothing that is known here.
    #[error("{0}")]
    Bad(String),
}

fn bad<T>(text: String) -> Result<T, LinkError> {
    Err(LinkError::Bad(text))
}

impl Link {
    /// Reads a link.
    ///
    /// # Errors
    /// [`LinkError`]; among them every part that is not known, by its name: leaving it out would give other files.
    pub fn parse(bytes: &[u8]) -> Result<Self, LinkError> {
        let root = xml::read(bytes)?;
        if root.name != "link" {
            return bad(format!("<{}> is not a <link>", root.name));
        }
        let known = ["project", "package", "rev", "vrev", "cicount", "baserev", "missingok"];
        if let Some(other) = root.attribute_other_than(&known) {
            return bad(format!("the attribute {other} of a link is not known"));
        }
        let text = |name: &str| root.attribute(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let missing_ok = match root.attribute("missingok") {
            None | Some("" | "0" | "false") => false,
            Some("1" | "true") => true,
            Some(other) => return bad(format!("missingok={other:?} is neither true nor false")),
        };
        let counting = text("cicount");
        if counting.as_deref().is_some_and(|word| !["add", "copy", "local"].contains(&word)) {
            return bad("cicount is none of add, copy, local".to_owned());
        }
        let mut patches = Vec::new();
        for child in &root.children {
            match child.name.as_str() {
                "patches" => patches.extend(child.children.iter().map(patch).collect::<Result<Vec<_>, _>>()?),
                other => return bad(format!("<{other}> in a link is not known")),
            }
        }
        let link = Self {
            project: text("project"),
            package: text("package"),
            revision: text("rev"),
            counter: text("vrev"),
            counting,
            base: text("baserev"),
            missing_ok,
            patches,
        };
        link.check()?;
        Ok(link)
    }

    fn check(&self) -> Result<(), LinkError> {
        if self.patches.len() > MOST_PATCHES {
            return bad(format!("more than {MOST_PATCHES} patches"));
        }
        if !self.patches.contains(&Patch::Branch) {
            return Ok(());
        }
        if self.patches.len() > 1 {
            return bad("a branch has no other patches".to_owned());
        }
        let base = self.base.as_deref().unwrap_or_default();
        if base.len() != 32 || !base.bytes().all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase()) {
            return bad("a branch needs baserev, which names its files".to_owned());
        }
        Ok(())
    }

    /// Whether it is merged with what the other package becomes.
    #[must_use]
    pub fn is_branch(&self) -> bool {
        self.patches == [Patch::Branch]
    }

    /// The text that [`Self::parse`] reads.
    #[must_use]
    pub fn write(&self) -> String {
        let mut text = "<link".to_owned();
        let missing_ok = self.missing_ok.then(|| "true".to_owned());
        let attributes = [
            ("project", &self.project),
            ("package", &self.package),
            ("rev", &self.revision),
            ("vrev", &self.counter),
            ("cicount", &self.counting),
            ("baserev", &self.base),
            ("missingok", &missing_ok),
        ];
        for (name, value) in attributes.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?))) {
            text.push_str(&format!(" {name}=\""));
            escape(value, true, &mut text);
            text.push('"');
        }
        if self.patches.is_empty() {
            text.push_str("/>\n");
            return text;
        }
        text.push_str(">\n  <patches>\n");
        self.patches.iter().for_each(|patch| write_patch(patch, &mut text));
        text.push_str("  </patches>\n</link>\n");
        text
    }
}

fn write_patch(patch: &Patch, text: &mut String) {
    let mut named = |element: &str, name: &str| {
        text.push_str(&format!("    <{element} name=\""));
        escape(name, true, text);
        text.push_str("\"/>\n");
    };
    match patch {
        Patch::Branch => text.push_str("    <branch/>\n"),
        Patch::Apply(name) => named("apply", name),
        Patch::Delete(name) => named("delete", name),
        Patch::Add(added) => text.push_str(&added_element(added)),
        Patch::Prepend(content) => {
            text.push_str("    <topadd>");
            escape(content, false, text);
            text.push_str("</topadd>\n");
        }
    }
}

fn added_element(added: &AddedPatch) -> String {
    let mut text = "    <add".to_owned();
    let number = |number: Option<u32>| number.map(|number| number.to_string());
    let attributes = [
        ("name", Some(added.name.clone())),
        ("after", number(added.after)),
        ("popt", number(added.strip)),
        ("dir", added.folder.clone()),
    ];
    for (name, value) in attributes.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        text.push_str(&format!(" {name}=\""));
        escape(&value, true, &mut text);
        text.push('"');
    }
    text + "/>\n"
}

fn added(element: &Element, name: String) -> Result<AddedPatch, LinkError> {
    let number = |attribute: &str| match element.attribute(attribute).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => match text.strip_prefix("-p").unwrap_or(text).parse::<u32>() {
            Ok(number) if number < 1_000_000 => Ok(Some(number)),
            _ => bad(format!("{attribute}={text:?} of <add> is no number")),
        },
    };
    // Both become words of a command in the recipe.
    let is_plain = |text: &str| {
        !text.starts_with(['/', '-', '.'])
            && !text.split('/').any(|part| part == "..")
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+~/".contains(&byte))
    };
    if !is_plain(&name) {
        return bad(format!("<add name={name:?}> is no name that a spec file can have in it"));
    }
    let folder = element.attribute("dir").filter(|text| !text.is_empty()).map(str::to_owned);
    match folder {
        Some(folder) if !is_plain(&folder) => bad(format!("dir={folder:?} of <add> is no folder of the sources")),
        folder => Ok(AddedPatch { name, after: number("after")?, strip: number("popt")?, folder }),
    }
}

fn patch(element: &Element) -> Result<Patch, LinkError> {
    let name = || match element.attribute("name") {
        Some(name) if !name.is_empty() && !name.contains('/') && !name.starts_with('.') && name != FILE => {
            Ok(name.to_owned())
        }
        _ => bad(format!("<{}> names no file", element.name)),
    };
    let known: &[&str] = match element.name.as_str() {
        "apply" | "delete" => &["name"],
        "add" => &["name", "after", "popt", "dir"],
        _ => &[],
    };
    match element.name.as_str() {
        "branch" | "apply" | "delete" | "topadd" | "add" => {}
        other => return bad(format!("<{other}> among the patches of a link is not known")),
    }
    if let Some(other) = element.attribute_other_than(known) {
        return bad(format!("the attribute {other} of <{}> is not known", element.name));
    }
    Ok(match element.name.as_str() {
        "branch" => Patch::Branch,
        "apply" => Patch::Apply(name()?),
        "delete" => Patch::Delete(name()?),
        "add" => Patch::Add(added(element, name()?)?),
        _ => Patch::Prepend(element.raw_text().to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_the_same_when_it_is_written_again() {
        let text = "<link project=\"a:b\" package=\"c\" rev=\"3\" cicount=\"copy\" missingok=\"1\">\n<!-- x --><patches>\
                    <apply name=\"p&amp;.diff\"/><delete name=\"old\"/><topadd>%define a &lt;1&gt;\n</topadd>\
                    <add name='fix.diff' after='3' popt='-p1' dir='sub/dir'/><add name='b'/></patches></link>";
        let link = Link::parse(text.as_bytes()).unwrap();
        assert_eq!(link.patches.len(), 5);
        assert_eq!(link.patches[2], Patch::Prepend("%define a <1>\n".to_owned()));
        let (folder, name) = (Some("sub/dir".to_owned()), "fix.diff".to_owned());
        assert_eq!(link.patches[3], Patch::Add(AddedPatch { name, after: Some(3), strip: Some(1), folder }));
        assert!(link.missing_ok && !link.is_branch());
        assert_eq!(Link::parse(link.write().as_bytes()).unwrap(), link);
        let branch = format!("<link baserev='{}'><patches><branch/></patches></link>", "0123456789abcdef".repeat(2));
        let branch = Link::parse(branch.as_bytes()).unwrap();
        assert!(branch.is_branch());
        assert_eq!(Link::parse(branch.write().as_bytes()).unwrap(), branch);
        assert_eq!(Link::parse(b"<link/>").unwrap(), Link::default());
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let check = |text: &str| Link::parse(text.as_bytes()).unwrap_err().to_string();
        for (text, word) in [
            ("<lnk/>", "<lnk> is not a <link>"),
            ("<link x='1'/>", "attribute x"),
            ("<link><more/></link>", "<more> in a link"),
            ("<link><patches><add name='a' type='x'/></patches></link>", "the attribute type of <add>"),
            ("<link><patches><add name='a' popt='x'/></patches></link>", "popt=\"x\" of <add> is no number"),
            ("<link><patches><add name='a' dir='../b'/></patches></link>", "no folder of the sources"),
            ("<link><patches><add name='a%(id)'/></patches></link>", "a spec file can have"),
            ("<link><patches><apply/></patches></link>", "<apply> names no file"),
            ("<link><patches><apply name='../a'/></patches></link>", "<apply> names no file"),
            ("<link><patches><apply name='_link'/></patches></link>", "<apply> names no file"),
            ("<link><patches><branch/></patches></link>", "needs baserev"),
            ("<link baserev='../../../../../../../../../../a'><patches><branch/></patches></link>", "needs baserev"),
            ("<link><patches><branch/><delete name='a'/></patches></link>", "no other patches"),
            ("<link missingok='maybe'/>", "neither true nor false"),
            ("<link cicount='never'/>", "cicount"),
            ("<link", "no XML"),
        ] {
            assert!(check(text).contains(word), "{text}: {}", check(text));
        }
    }
}

use std::collections::BTreeSet;

/// A patch that a link adds to the spec files of the other package.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddedPatch {
    /// Name of the file.
    pub name: String,
    /// Number of the patch it comes behind; behind the last one, if nothing is said.
    pub after: Option<u32>,
    /// Leading folders of the names in it that do not count; rpm's default, if nothing is said.
    pub strip: Option<u32>,
    /// The folder of the sources it is applied in; that of the sources themselves, if nothing is said.
    pub folder: Option<String>,
}

/// What begins a part of a spec file.
const SECTIONS: [&str; 22] = [
    "%package",
    "%description",
    "%prep",
    "%generate_buildrequires",
    "%conf",
    "%build",
    "%install",
    "%check",
    "%clean",
    "%pre",
    "%preun",
    "%post",
    "%postun",
    "%pretrans",
    "%posttrans",
    "%preuntrans",
    "%postuntrans",
    "%trigger",
    "%verifyscript",
    "%files",
    "%changelog",
    "%sepolicy",
];

/// The text of a spec file with a patch in it: its tag behind those of the patches before it, its line in `%prep` likewise.
///
/// Nothing is written into a part that a condition may leave out. `%autosetup` and `%autopatch` apply it by themselves.
///
/// Rule: Open Build Service's source server, which numbers the patch after the last one, or as the first free one behind
/// `after`.
pub(super) fn add(spec: &[u8], patch: &AddedPatch) -> Result<Vec<u8>, String> {
    let text = String::from_utf8_lossy(spec);
    let lines: Vec<&str> = text.lines().collect();
    let preamble = lines.iter().position(|line| section(line).is_some()).unwrap_or(lines.len());
    let prep = lines.iter().position(|line| section(line) == Some("%prep")).ok_or("the spec file has no %prep")?;
    let behind = lines.iter().skip(prep + 1).position(|line| section(line).is_some());
    let end = behind.map_or(lines.len(), |count| prep + 1 + count);
    let head = lines.get(..preamble).unwrap_or_default();
    let tags: Vec<(usize, u32)> = patch_tags(head);
    let number = free_number(&tags, patch.after);
    let earlier = tags.iter().filter(|(_, known)| *known < number).map(|(place, _)| *place).next_back();
    let last_tag = |name: &str| head.iter().rposition(|line| tag(line, name).is_some());
    let anchor = earlier.or_else(|| last_tag("source")).or_else(|| last_tag("name"));
    let anchor = anchor.ok_or("the spec file has no Name")?;
    let mut inserts = vec![(outside(head, anchor), format!("Patch{number}: {}", patch.name))];
    let steps = lines.get(prep + 1..end).unwrap_or_default();
    if !steps.iter().any(|line| applies_all(line)) {
        let mut line = format!("%patch -P {number}");
        if let Some(strip) = patch.strip {
            line.push_str(&format!(" -p{strip}"));
        }
        if let Some(folder) = &patch.folder {
            line.push_str(&format!(" -d {folder}"));
        }
        let earlier = steps.iter().rposition(|line| applied(line).is_some_and(|known| known < number));
        let unpacks = |line: &&str| matches!(word(line), Some("%setup" | "%autosetup"));
        let place = earlier.or_else(|| steps.iter().rposition(unpacks));
        inserts.push((prep + 1 + place.map_or(0, |place| outside(steps, place)), line));
    }
    Ok(with(spec, &inserts))
}

/// The bytes with lines put in before lines of these numbers.
fn with(spec: &[u8], inserts: &[(usize, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    let put = |out: &mut Vec<u8>, place: usize| {
        for (_, line) in inserts.iter().filter(|(wanted, _)| *wanted == place) {
            if out.last().is_some_and(|last| *last != b'\n') {
                out.push(b'\n');
            }
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
    };
    let mut count = 0;
    for line in spec.split_inclusive(|byte| *byte == b'\n') {
        put(&mut out, count);
        out.extend_from_slice(line);
        count += 1;
    }
    put(&mut out, count);
    out
}

fn word(line: &str) -> Option<&str> {
    line.split_whitespace().next()
}

/// The part that begins with a line.
fn section(line: &str) -> Option<&'static str> {
    let first = word(line)?;
    let is_trigger = first.starts_with("%trigger") || first.starts_with("%filetrigger");
    if is_trigger { Some("%trigger") } else { SECTIONS.into_iter().find(|known| *known == first) }
}

/// What stands behind the name of a tag, if the line is one of that name with a number or without: the number's digits.
fn tag<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (before, _) = line.split_once(':')?;
    let before = before.trim();
    let digits = before.get(name.len()..)?;
    let is_it = before.get(..name.len())?.eq_ignore_ascii_case(name);
    (is_it && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

/// The lines of the patches with their numbers; one without a number has the one behind the last.
fn patch_tags(lines: &[&str]) -> Vec<(usize, u32)> {
    let mut tags: Vec<(usize, u32)> = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        let Some(digits) = tag(line, "patch") else { continue };
        let next = tags.last().map_or(0, |(_, number)| number.saturating_add(1));
        tags.push((place, digits.parse().unwrap_or(next)));
    }
    tags
}

fn free_number(tags: &[(usize, u32)], after: Option<u32>) -> u32 {
    let used: BTreeSet<u32> = tags.iter().map(|(_, number)| *number).collect();
    let mut number = match after {
        Some(after) => after.saturating_add(1),
        None => used.last().map_or(0, |last| last.saturating_add(1)),
    };
    while used.contains(&number) && number < u32::MAX {
        number += 1;
    }
    number
}

/// The place behind a line that no condition leaves out.
fn outside(lines: &[&str], place: usize) -> usize {
    let mut depth = 0_usize;
    for (number, line) in lines.iter().enumerate() {
        match word(line) {
            Some(word) if word.starts_with("%if") => depth += 1,
            Some("%endif") => depth = depth.saturating_sub(1),
            _ => {}
        }
        if number >= place && depth == 0 && !line.trim_end().ends_with('\\') {
            return number + 1;
        }
    }
    lines.len()
}

/// Whether a line of `%prep` applies every patch.
fn applies_all(line: &str) -> bool {
    let mut words = line.split_whitespace();
    match words.next() {
        Some("%autosetup") => !words.any(|word| word == "-N"),
        Some("%autopatch") => !words.any(|word| word.starts_with("-m") || word.starts_with("-M")),
        _ => false,
    }
}

/// The number of the patch that a line of `%prep` applies; the last one, if it applies several.
fn applied(line: &str) -> Option<u32> {
    let rest = line.trim_start().strip_prefix("%patch")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    if let Ok(number) = digits.parse() {
        return Some(number);
    }
    let words: Vec<&str> = rest.split_whitespace().collect();
    let numbers = words.iter().enumerate().filter_map(|(place, word)| match word.strip_prefix("-P") {
        Some("") => words.get(place + 1)?.parse().ok(),
        Some(number) => number.parse().ok(),
        None => None,
    });
    let plain = words.first().and_then(|word| word.parse().ok());
    numbers.max().or(plain).or(Some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(spec: &str, patch: &AddedPatch) -> String {
        String::from_utf8(add(spec.as_bytes(), patch).unwrap()).unwrap()
    }

    fn patch(after: Option<u32>) -> AddedPatch {
        AddedPatch { name: "fix.diff".to_owned(), after, strip: Some(1), folder: None }
    }

    #[test]
    fn a_patch_comes_behind_the_last_one() {
        let spec = "Name: a\nSource0: a.tar\nPatch0: x\nPatch3: y\n%description\nPatch9: no tag\n%prep\n%setup -q\n%patch0\n%patch -P 3 \
                    -p1\necho\n%build\n%patch99\n";
        let changed = check(spec, &patch(None));
        assert!(changed.contains("Patch3: y\nPatch4: fix.diff\n%description"), "{changed}");
        assert!(changed.contains("%patch -P 3 -p1\n%patch -P 4 -p1\necho\n"), "{changed}");
        let changed = check(spec, &patch(Some(0)));
        assert!(changed.contains("Patch0: x\nPatch1: fix.diff\nPatch3: y\n"), "{changed}");
        assert!(changed.contains("%patch0\n%patch -P 1 -p1\n%patch -P 3"), "{changed}");
        assert!(check(spec, &patch(Some(2))).contains("Patch3: y\nPatch4: fix.diff\n"));
    }

    #[test]
    fn a_first_patch_comes_behind_the_sources() {
        let spec = "Name: a\nSource: a.tar\nVersion: 1\n%prep\n%setup -q\n%build";
        let added = AddedPatch { folder: Some("sub".to_owned()), strip: None, ..patch(None) };
        let changed = check(spec, &added);
        assert_eq!(
            changed,
            "Name: a\nSource: a.tar\nPatch0: fix.diff\nVersion: 1\n%prep\n%setup -q\n%patch -P 0 -d sub\n%build"
        );
        assert_eq!(check("Name: a\n%prep", &patch(None)), "Name: a\nPatch0: fix.diff\n%prep\n%patch -P 0 -p1\n");
    }

    #[test]
    fn what_a_condition_may_leave_out_is_no_place_for_it() {
        let spec =
            "Name: a\n%if 1\nPatch0: x\n%else\nPatch1: y\n%endif\nURL: u\n%prep\n%setup -q\n%if 1\n%patch0\n%endif\n";
        let changed = check(spec, &patch(None));
        assert!(changed.contains("%endif\nPatch2: fix.diff\nURL: u\n"), "{changed}");
        assert!(changed.ends_with("%patch0\n%endif\n%patch -P 2 -p1\n"), "{changed}");
    }

    #[test]
    fn macros_that_apply_every_patch_apply_it_too() {
        for line in ["%autosetup -p1", "%setup -q\n%autopatch -p1"] {
            let changed = check(&format!("Name: a\n%prep\n{line}\n"), &patch(None));
            assert!(changed.contains("Patch0: fix.diff") && !changed.contains("%patch "), "{changed}");
        }
        assert!(check("Name: a\n%prep\n%autosetup -N\n", &patch(None)).ends_with("%autosetup -N\n%patch -P 0 -p1\n"));
    }

    #[test]
    fn a_text_without_the_places_is_refused() {
        assert!(add(b"Name: a\n%build\n", &patch(None)).unwrap_err().contains("%prep"));
        assert!(add(b"%prep\n", &patch(None)).unwrap_err().contains("Name"));
    }
}

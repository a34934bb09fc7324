//! The names by which rpms ask for modules of languages and for descriptions of libraries.

/// Where Debian's perl looks for modules, below the architecture's and the version's folders.
const PERL: [&str; 3] = ["/usr/share/perl/", "/usr/lib/x86_64-linux-gnu/perl/", "/usr/lib/x86_64-linux-gnu/perl-base/"];

/// What a file of that path provides: `perl(File::Find)`, `pkgconfig(zlib)`.
pub(super) fn provides(path: &str) -> Option<String> {
    perl(path).map(|module| format!("perl({module})")).or_else(|| Some(format!("pkgconfig({})", pkgconfig(path)?)))
}

fn perl(path: &str) -> Option<String> {
    let stem = path.strip_suffix(".pm")?;
    let below = PERL.iter().find_map(|folder| stem.strip_prefix(folder))?;
    // `5.36.0/File/Find`, but `perl-base/File/Find`.
    let module = match below.split_once('/') {
        Some((version, rest)) if version.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => below,
    };
    Some(module.replace('/', "::"))
}

fn pkgconfig(path: &str) -> Option<&str> {
    let (folder, file) = path.rsplit_once('/')?;
    file.strip_suffix(".pc").filter(|_| folder.ends_with("/pkgconfig"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_and_libraries_have_rpms_names() {
        let check = |path: &str, expected: &str| assert_eq!(provides(path).as_deref(), Some(expected), "{path}");
        check("/usr/share/perl/5.36.0/File/Find.pm", "perl(File::Find)");
        check("/usr/lib/x86_64-linux-gnu/perl-base/strict.pm", "perl(strict)");
        check("/usr/lib/x86_64-linux-gnu/perl/5.36.0/Encode.pm", "perl(Encode)");
        check("/usr/lib/x86_64-linux-gnu/pkgconfig/zlib.pc", "pkgconfig(zlib)");
        assert_eq!(provides("/usr/share/other/zlib.pc"), None);
        assert_eq!(provides("/usr/bin/perl"), None);
    }
}

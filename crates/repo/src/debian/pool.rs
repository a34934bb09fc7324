use pkg::PackageMeta;

/// The file name of a binary package: `NAME_VERSION_ARCH.deb`, the version without its epoch (dpkg-deb's rule).
#[must_use]
pub fn deb_file_name(meta: &PackageMeta) -> String {
    let version = meta.evr.split_once(':').map_or(meta.evr.as_str(), |(_, version)| version);
    format!("{}_{version}_{}.deb", meta.name, meta.arch)
}

/// Where a file of a source package lies in Debian's own pool layout: `pool/main/h/hello/FILE`, `pool/main/libx/libxml2/FILE`.
///
/// The names are the caller's, and to be checked by [`Stanza::new`](super::Stanza::new).
#[must_use]
pub fn pool_path(component: &str, source: &str, file_name: &str) -> String {
    let letters = if source.starts_with("lib") { 4 } else { 1 };
    let prefix: String = source.chars().take(letters).collect();
    format!("pool/{component}/{prefix}/{source}/{file_name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_as_in_debian() {
        let meta = |name: &str, evr: &str| PackageMeta {
            name: name.into(),
            evr: evr.into(),
            arch: "amd64".into(),
            ..PackageMeta::default()
        };
        assert_eq!(deb_file_name(&meta("hello", "1:2.10-3")), "hello_2.10-3_amd64.deb");
        assert_eq!(pool_path("main", "hello", "a.deb"), "pool/main/h/hello/a.deb");
        assert_eq!(pool_path("main", "libxml2", "a.deb"), "pool/main/libx/libxml2/a.deb");
    }
}

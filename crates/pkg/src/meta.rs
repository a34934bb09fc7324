/// What a package says of itself, as far as installing and choosing it needs.
///
/// Dependency lists hold one normalized dependency an entry (`name`, `name OP version`, `a | b`, `name:any`, `(rich)`), with
/// the operators `<` `<=` `=` `>=` `>`; readers of each format normalize (Debian's `<<` becomes `<`). The order is the
/// package's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageMeta {
    /// Name.
    pub name: String,
    /// `[epoch:]version[-release]`.
    pub evr: String,
    /// Architecture in the spelling of the package's own format (`amd64`, `all`, `x86_64`, `noarch`).
    pub arch: String,
    /// What it provides; readers add the implicit `name = evr`.
    pub provides: Vec<String>,
    /// What it needs (Debian: Pre-Depends behind Depends).
    pub requires: Vec<String>,
    /// What it can not be installed with (Debian: Conflicts, then Breaks).
    pub conflicts: Vec<String>,
    /// What it replaces (rpm Obsoletes, Arch replaces; empty for Debian).
    pub obsoletes: Vec<String>,
    /// What should come along.
    pub recommends: Vec<String>,
    /// What it should come along with.
    pub supplements: Vec<String>,
    /// What might be useful beside it.
    pub suggests: Vec<String>,
    /// What it might be useful beside.
    pub enhances: Vec<String>,
    /// Debian's Multi-Arch field.
    pub multi_arch: MultiArch,
    /// Name of the source package, if the package names one that differs from its own name.
    pub source: Option<String>,
}

/// Debian's `Multi-Arch` field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum MultiArch {
    /// `no`, or not given.
    #[default]
    No,
    /// `foreign`: satisfies dependencies of packages of every architecture.
    Foreign,
    /// `allowed`: satisfies `name:any`.
    Allowed,
    /// `same`: installable for several architectures at once.
    Same,
}

//! Pools and half-built pools as files.
//!
//! A file is one run of bytes that can be mapped into memory or read in one go. It carries the digest of what it was made
//! from and is only ever a copy: whatever is wrong with it, its owner makes the pool anew. Reading checks every number, so
//! that even a file made up by somebody can not do more than name wrong packages.

use std::collections::BTreeMap;

use pkg::{MultiArch, PackageFormat};
use rustc_hash::FxHashMap;

use super::build::{Candidate, PoolBuilder};
use super::codec::{Decoder, Encoder, PoolFileError, all_below, ensure};
use super::csr::Csr;
use super::deps::{DepInterner, DepKind, DepTable, RichDep, RichNode};
use super::strings::StringTable;
use super::view::{Pool, Target};

type Result<T> = std::result::Result<T, PoolFileError>;

const POOL: [u8; 8] = *b"KILNPOOL";
const BUILDER: [u8; 8] = *b"KILNBASE";

/// As deep as rich dependencies can be, and a little more.
const MAX_RICH_DEPTH: usize = 70;
/// Numbers of one candidate in a file.
const CANDIDATE_WORDS: usize = 9;

impl Pool {
    /// The pool as a file, for [`from_bytes`](Self::from_bytes); `key` is the digest of everything it was made from.
    ///
    /// The same pool gives the same bytes.
    #[must_use]
    pub fn to_bytes(&self, key: &[u8; 32]) -> Vec<u8> {
        let mut out = Encoder::new(POOL, key);
        out.numbers(&[format_number(self.format)]);
        self.names.encode(&mut out);
        self.versions.encode(&mut out);
        self.arches.encode(&mut out);
        encode_deps(&self.deps, &mut out);
        out.words(self.dep_targets.iter().map(|target| target.0));
        out.words(self.name_targets.iter().map(|target| target.0));
        out.numbers(&self.name_packages);
        self.lists.encode(&mut out);
        out.numbers(&self.package_names);
        out.numbers(&self.package_versions);
        out.words(self.package_arches.iter().map(|arch| u32::from(*arch)));
        out.numbers(&self.package_sources);
        out.numbers(&self.package_tokens);
        out.words(self.package_repositories.iter().map(|repository| u32::from(*repository)));
        out.words(self.multi_arch.iter().map(|kind| multi_arch_number(*kind)));
        for rows in
            [&self.provides, &self.requires, &self.conflicts, &self.obsoletes, &self.recommends, &self.supplements]
        {
            rows.encode(&mut out);
        }
        out.finish()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; `file` may be mapped memory, nothing refers to it afterwards.
    ///
    /// Takes one walk over the bytes: some milliseconds for a distribution.
    ///
    /// # Errors
    /// The bytes are something else, were made from other inputs, or are damaged.
    pub fn from_bytes(key: &[u8; 32], file: &[u8]) -> Result<Self> {
        let mut input = Decoder::new(POOL, key, file)?;
        let format = decode_format(&mut input)?;
        let (names, versions, arches) = (input.strings()?, input.strings()?, input.strings()?);
        let deps = decode_deps(format, names.len(), versions.len(), &mut input)?;
        let (dep_targets, name_targets) = (input.words()?, input.words()?);
        let name_packages = input.words()?;
        let lists = Csr::decode(&mut input)?;
        let package_names = input.words()?;
        let count = package_names.len();
        ensure(count < Target::RICH.0 as usize && all_below(&package_names, names.len()), "packages")?;
        ensure(all_below(lists.values(), count), "lists")?;
        ensure(dep_targets.len() == deps.len() && name_targets.len() == names.len(), "targets")?;
        let fits = |target: &u32| Target(*target).fits(count, lists.rows());
        ensure(dep_targets.iter().all(fits) && name_targets.iter().all(fits), "targets")?;
        let is_package = |package: &u32| *package == u32::MAX || (*package as usize) < count;
        ensure(name_packages.len() == names.len() && name_packages.iter().all(is_package), "names")?;
        let pool = Self {
            format,
            package_versions: input.column(count, versions.len(), "versions")?,
            package_arches: shorts(&input.column(count, arches.len().min(1 << 16), "architectures")?),
            package_sources: input.column(count, names.len(), "sources")?,
            package_tokens: input.column(count, usize::MAX, "tokens")?,
            package_repositories: shorts(&input.column(count, 1 << 16, "repositories")?),
            multi_arch: input.column(count, 4, "multi-arch")?.into_iter().map(multi_arch).collect(),
            provides: package_rows(&mut input, count, deps.len())?,
            requires: package_rows(&mut input, count, deps.len())?,
            conflicts: package_rows(&mut input, count, deps.len())?,
            obsoletes: package_rows(&mut input, count, count)?,
            recommends: package_rows(&mut input, count, deps.len())?,
            supplements: package_rows(&mut input, count, deps.len())?,
            names,
            versions,
            arches,
            deps,
            dep_targets: dep_targets.into_iter().map(Target).collect(),
            name_targets: name_targets.into_iter().map(Target).collect(),
            name_packages,
            lists,
            package_names,
        };
        input.end()?;
        Ok(pool)
    }
}

impl PoolBuilder {
    /// The packages collected so far as a file, for [`from_bytes`](Self::from_bytes).
    #[must_use]
    pub fn to_bytes(&self, key: &[u8; 32]) -> Vec<u8> {
        let mut out = Encoder::new(BUILDER, key);
        out.numbers(&[format_number(self.format)]);
        out.numbers(&[u32::from(self.is_unordered), self.tokens]);
        let priorities = self.priorities.iter();
        out.numbers(
            &priorities.flat_map(|(index, priority)| [u32::from(*index), priority.cast_unsigned()]).collect::<Vec<_>>(),
        );
        let mut modules = StringTable::new();
        for module in &self.modules {
            modules.intern(module);
        }
        modules.encode(&mut out);
        self.interner.names.encode(&mut out);
        self.interner.versions.encode(&mut out);
        self.arches.encode(&mut out);
        encode_deps(&self.interner.table, &mut out);
        let numbers = self.candidates.iter().flat_map(|candidate| {
            let Candidate { name, version, arch, source, token, repository, multi_arch, is_modular, lists } =
                *candidate;
            let (arch, repository) = (u32::from(arch), u32::from(repository));
            [
                name,
                version,
                arch,
                source,
                token,
                repository,
                multi_arch_number(multi_arch),
                lists,
                u32::from(is_modular),
            ]
        });
        out.numbers(&numbers.collect::<Vec<u32>>());
        self.lists.encode(&mut out);
        out.numbers(&self.best);
        out.finish()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, so that more packages can be added.
    ///
    /// # Errors
    /// As [`Pool::from_bytes`].
    pub fn from_bytes(key: &[u8; 32], file: &[u8]) -> Result<Self> {
        let mut input = Decoder::new(BUILDER, key, file)?;
        let format = decode_format(&mut input)?;
        let flags = input.words()?;
        let [is_unordered, tokens] = flags[..] else { return Err(PoolFileError::Damaged("flags")) };
        let priorities = decode_priorities(&input.words()?)?;
        let modules = input.strings()?;
        let modules = (1..modules.len() as u32).map(|module| modules.get(module).to_owned()).collect();
        let (names, versions, arches) = (input.strings()?, input.strings()?, input.strings()?);
        ensure(names.can_grow() && versions.can_grow() && arches.can_grow(), "slots")?;
        let table = decode_deps(format, names.len(), versions.len(), &mut input)?;
        let (numbers, lists) = (input.words()?, input.rows(table.len(), "lists")?);
        let (numbers, rest) = numbers.as_chunks::<CANDIDATE_WORDS>();
        ensure(rest.is_empty(), "candidates")?;
        let bounds = [names.len(), versions.len(), arches.len(), names.len()];
        let fits = |words: &[u32; CANDIDATE_WORDS]| {
            words.iter().zip(bounds).all(|(word, bound)| (*word as usize) < bound)
                && (words[7] as usize).saturating_add(6) <= lists.rows() as usize
        };
        ensure(numbers.iter().all(fits), "candidates")?;
        let candidates = numbers.iter().map(|words| candidate(*words)).collect::<Result<Vec<_>>>()?;
        let best = input.words()?;
        let is_candidate = |place: &u32| *place == u32::MAX || (*place as usize) < candidates.len();
        ensure(best.len() <= names.len() && best.iter().all(is_candidate), "best")?;
        input.end()?;
        let (plain, complex) = look_ups(&table, &names, &versions);
        let interner = DepInterner { names, versions, table, plain, complex };
        let is_unordered = is_unordered != 0;
        Ok(Self { format, interner, arches, candidates, lists, best, tokens, is_unordered, priorities, modules })
    }
}

/// Reads pairs of a repository and its priority.
fn decode_priorities(words: &[u32]) -> Result<BTreeMap<u16, i32>> {
    let (pairs, rest) = words.as_chunks::<2>();
    ensure(rest.is_empty(), "priorities")?;
    let pair = |[index, priority]: &[u32; 2]| {
        let index = u16::try_from(*index).map_err(|_| PoolFileError::Damaged("priorities"))?;
        Ok((index, priority.cast_signed()))
    };
    pairs.iter().map(pair).collect()
}

fn candidate(words: [u32; CANDIDATE_WORDS]) -> Result<Candidate> {
    let [name, version, arch, source, token, repository, multi_arch_word, lists, is_modular] = words;
    let short = |word: u32| u16::try_from(word).map_err(|_| PoolFileError::Damaged("candidates"));
    let (arch, repository) = (short(arch)?, short(repository)?);
    let (multi_arch, is_modular) = (multi_arch(multi_arch_word), is_modular != 0);
    Ok(Candidate { name, version, arch, source, token, repository, multi_arch, is_modular, lists })
}

type PlainNumbers = FxHashMap<(u32, u32, u8), u32>;

/// The numbers of known dependencies, by what they are read as.
fn look_ups(table: &DepTable, names: &StringTable, versions: &StringTable) -> (PlainNumbers, FxHashMap<Box<str>, u32>) {
    let mut plain = FxHashMap::with_capacity_and_hasher(table.len(), rustc_hash::FxBuildHasher);
    let mut complex = FxHashMap::default();
    for dep in 0..table.len() as u32 {
        let kind = table.kind(dep);
        if kind.is_rich() || kind.is_alternatives() {
            let text = table.text(names, versions, dep);
            complex.insert(text.replace(" << ", " < ").replace(" >> ", " > ").into(), dep);
        } else {
            let version = if kind.is_versioned() { table.extras[dep as usize] } else { 0 };
            plain.entry((table.name(dep), version, kind.0)).or_insert(dep);
        }
    }
    (plain, complex)
}

fn format_number(format: PackageFormat) -> u32 {
    (0..).zip(PackageFormat::ALL).find(|(_, known)| *known == format).map_or(0, |(number, _)| number)
}

fn decode_format(input: &mut Decoder<'_>) -> Result<PackageFormat> {
    let number = input.words()?.first().copied().unwrap_or(u32::MAX);
    PackageFormat::ALL.get(number as usize).copied().ok_or(PoolFileError::Damaged("format"))
}

fn multi_arch_number(kind: MultiArch) -> u32 {
    match kind {
        MultiArch::No => 0,
        MultiArch::Foreign => 1,
        MultiArch::Allowed => 2,
        MultiArch::Same => 3,
    }
}

fn multi_arch(number: u32) -> MultiArch {
    match number {
        1 => MultiArch::Foreign,
        2 => MultiArch::Allowed,
        3 => MultiArch::Same,
        _ => MultiArch::No,
    }
}

/// Numbers below 2^16.
fn shorts(words: &[u32]) -> Vec<u16> {
    words.iter().map(|word| *word as u16).collect()
}

fn package_rows(input: &mut Decoder<'_>, count: usize, bound: usize) -> Result<Csr> {
    let rows = input.rows(bound, "rows")?;
    ensure(rows.rows() as usize == count, "rows")?;
    Ok(rows)
}

fn encode_deps(deps: &DepTable, out: &mut Encoder) {
    out.numbers(&deps.names);
    out.numbers(&deps.extras);
    out.bytes(&deps.kinds.iter().map(|kind| kind.0).collect::<Vec<u8>>());
    deps.alternatives.encode(out);
    let mut texts = StringTable::new();
    let mut trees = Csr::new();
    let mut numbers = Vec::new();
    for rich in &deps.rich {
        numbers.push(texts.intern(&rich.text));
        let mut words = Vec::new();
        if let Some(tree) = &rich.tree {
            encode_tree(tree, &mut words);
        }
        trees.push(words);
    }
    let mut odd: Vec<(u32, &str)> = deps.texts.iter().map(|(dep, text)| (*dep, &**text)).collect();
    odd.sort_unstable();
    let odd: Vec<u32> = odd.into_iter().flat_map(|(dep, text)| [dep, texts.intern(text)]).collect();
    texts.freeze();
    texts.encode(out);
    trees.encode(out);
    out.numbers(&numbers);
    out.numbers(&odd);
}

fn decode_deps(
    format: PackageFormat,
    name_count: usize,
    version_count: usize,
    input: &mut Decoder<'_>,
) -> Result<DepTable> {
    let names = input.words()?;
    let count = names.len();
    ensure(all_below(&names, name_count), "dependencies")?;
    let extras = input.column(count, usize::MAX, "dependencies")?;
    let kinds: Vec<DepKind> = input.bytes()?.iter().copied().map(DepKind).collect();
    ensure(kinds.len() == count && kinds.iter().all(|kind| kind.is_known()), "kinds")?;
    let is_plain = |dep: u32| kinds.get(dep as usize).is_some_and(|kind| !kind.is_rich() && !kind.is_alternatives());
    let alternatives = input.rows(count, "alternatives")?;
    ensure(alternatives.values().iter().all(|dep| is_plain(*dep)), "alternatives")?;
    let (texts, trees, numbers) = (input.strings()?, Csr::decode(input)?, input.words()?);
    ensure(trees.rows() as usize == numbers.len() && all_below(&numbers, texts.len()), "rich dependencies")?;
    let rich = (0..).zip(&numbers).map(|(row, text)| {
        let mut words = trees.row(row);
        let tree = if words.is_empty() { None } else { Some(decode_tree(&mut words, &is_plain, 0)?) };
        ensure(words.is_empty(), "rich dependencies")?;
        Ok(RichDep { text: texts.get(*text).into(), tree })
    });
    let rich = rich.collect::<Result<Vec<RichDep>>>()?;
    let odd = input.words()?;
    let (odd, rest) = odd.as_chunks::<2>();
    let fits = |[dep, text]: &[u32; 2]| (*dep as usize) < count && (*text as usize) < texts.len();
    ensure(rest.is_empty() && odd.iter().all(fits), "texts")?;
    let odd = odd.iter().map(|[dep, text]| (*dep, texts.get(*text).into())).collect();
    let extra_fits = |(kind, extra): (&DepKind, &u32)| {
        let bound = match kind {
            kind if kind.is_versioned() => version_count,
            kind if kind.is_alternatives() => alternatives.rows() as usize,
            kind if kind.is_rich() => rich.len(),
            _ => usize::MAX,
        };
        (*extra as usize) < bound
    };
    ensure(kinds.iter().zip(&extras).all(extra_fits), "dependencies")?;
    Ok(DepTable { format, names, extras, kinds, alternatives, rich, texts: odd })
}

fn encode_tree(node: &RichNode, words: &mut Vec<u32>) {
    let children = node.children();
    let shape = match node {
        RichNode::Atom(dep) => return words.extend([0, *dep]),
        RichNode::And(_) => 1,
        RichNode::Or(_) => 2,
        RichNode::With(_) => 3,
        RichNode::Without(..) => 4,
        RichNode::If(..) => 5,
        RichNode::Unless(..) => 6,
    };
    words.extend([shape, children.len() as u32]);
    for child in children {
        encode_tree(child, words);
    }
}

fn decode_tree(words: &mut &[u32], is_plain: &impl Fn(u32) -> bool, depth: usize) -> Result<RichNode> {
    const DAMAGED: PoolFileError = PoolFileError::Damaged("rich dependencies");
    let ([shape, number], rest) = words.split_first_chunk::<2>().ok_or(DAMAGED)?;
    *words = rest;
    if *shape == 0 {
        return if is_plain(*number) { Ok(RichNode::Atom(*number)) } else { Err(DAMAGED) };
    }
    ensure(depth < MAX_RICH_DEPTH && *number > 0, "rich dependencies")?;
    let mut terms = Vec::new();
    for _ in 0..*number {
        terms.push(decode_tree(words, is_plain, depth + 1)?);
    }
    Ok(match shape {
        1 => RichNode::And(terms),
        2 => RichNode::Or(terms),
        3 => RichNode::With(terms),
        _ => {
            let mut terms = terms.into_iter().map(Box::new);
            match (shape, terms.next(), terms.next(), terms.next(), terms.next()) {
                (4, Some(one), Some(other), None, None) => RichNode::Without(one, other),
                (5, Some(then), Some(condition), otherwise, None) => RichNode::If(then, condition, otherwise),
                (6, Some(then), Some(condition), otherwise, None) => RichNode::Unless(then, condition, otherwise),
                _ => return Err(DAMAGED),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::codec::seal;
    use super::*;
    use crate::{ExpandConfig, Expander, Request};
    use pkg::PackageMeta;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    fn builder(format: PackageFormat) -> PoolBuilder {
        let mut builder = PoolBuilder::new(format);
        for (name, provides, requires, conflicts) in [
            (
                "a",
                &["x = 1", "(odd"][..],
                &["(b if c else d)", "x | y >= 2", "e  >=  3", "käse"][..],
                &["(c and d)"][..],
            ),
            ("b", &["y = 3", "käse"], &["(c without d)", "(a with x)", "(broken"], &["otherproviders(y)", "z < 4"]),
            ("c", &["z"], &["b:any > 1", "/bin/sh"], &[]),
            ("d", &["/bin/sh", "e"], &["rpmlib(x) <= 4"], &["nobody"]),
        ] {
            let mut package = PackageMeta {
                name: name.to_owned(),
                evr: "1-1".to_owned(),
                arch: "noarch".to_owned(),
                provides: texts(provides),
                requires: texts(requires),
                conflicts: texts(conflicts),
                obsoletes: texts(&["d > 1"]),
                recommends: texts(&["(b unless c)"]),
                supplements: texts(&["packageand(a:b)"]),
                ..PackageMeta::default()
            };
            package.provides.push(format!("{name} = 1-1"));
            builder.add_repository_package(0, &package);
        }
        builder
    }

    fn answers(pool: &Pool) -> Vec<String> {
        let config = ExpandConfig {
            expand_flags: texts(&["dorecommends", "dosupplements"]),
            order: texts(&["a:b"]),
            ..ExpandConfig::default()
        };
        let expander = Expander::new(pool, &config);
        let packages: Vec<_> = pool.packages().collect();
        let describe = |id| format!("{} {} {} {}", pool.name(id), pool.evr(id), pool.arch(id), pool.source(id));
        let mut answers: Vec<String> = packages.iter().copied().map(describe).collect();
        for request in ["a", "b", "c", "d", "x", "(a or b)", "z >= 1", "/bin/sh", "!y", "nobody"] {
            answers.push(format!("{:?}", expander.expand(&Request::parse([request, "a | b"]))));
        }
        answers.push(format!("{:?}", expander.install_order(&packages)));
        answers.extend(packages.iter().flat_map(|id| pool.requires(*id).chain(pool.provides(*id))));
        answers
    }

    #[test]
    fn a_pool_read_back_gives_the_same_answers_and_the_same_bytes() {
        for format in PackageFormat::ALL {
            let pool = builder(format).finish();
            let file = pool.to_bytes(&[7; 32]);
            let read = Pool::from_bytes(&[7; 32], &file).unwrap();
            assert_eq!(answers(&read), answers(&pool));
            assert_eq!(read.to_bytes(&[7; 32]), file);
            assert_eq!(Pool::from_bytes(&[8; 32], &file).unwrap_err(), PoolFileError::OtherInputs);
        }
    }

    #[test]
    fn a_builder_read_back_takes_further_packages() {
        let extra = PackageMeta { name: "f".to_owned(), requires: texts(&["a", "z < 4"]), ..PackageMeta::default() };
        for format in PackageFormat::ALL {
            let mut whole = builder(format);
            let file = whole.to_bytes(&[1; 32]);
            let mut read = PoolBuilder::from_bytes(&[1; 32], &file).unwrap();
            whole.add_repository_package(0, &extra);
            read.add_repository_package(0, &extra);
            assert_eq!(read.finish().to_bytes(&[0; 32]), whole.finish().to_bytes(&[0; 32]));
        }
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let file = builder(PackageFormat::Rpm).finish().to_bytes(&[7; 32]);
        for place in 0..file.len() {
            let mut damaged = file.clone();
            damaged[place] ^= 0x10;
            // Four bytes of the header mean nothing.
            assert_eq!(Pool::from_bytes(&[7; 32], &damaged).is_ok(), (12..16).contains(&place), "{place}");
            assert!(Pool::from_bytes(&[7; 32], &file[..place]).is_err());
        }
    }

    #[test]
    fn a_made_up_file_does_no_harm() {
        let pool = builder(PackageFormat::Deb).finish().to_bytes(&[7; 32]);
        let half = builder(PackageFormat::Rpm).to_bytes(&[7; 32]);
        let mut read = 0;
        for place in 56..pool.len().max(half.len()) {
            for change in [1, 0x80, 0xff] {
                for file in [&pool, &half] {
                    let Some(byte) = file.get(place) else { continue };
                    let mut file = file.clone();
                    file[place] = byte ^ change;
                    seal(&mut file);
                    let pool = Pool::from_bytes(&[7; 32], &file);
                    let pool = pool.or_else(|_| PoolBuilder::from_bytes(&[7; 32], &file).map(PoolBuilder::finish));
                    if let Ok(pool) = pool {
                        read += 1;
                        assert!(!answers(&pool).is_empty());
                    }
                }
            }
        }
        assert!(read > 1000, "{read}");
    }
}

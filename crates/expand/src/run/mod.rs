//! One expansion: packages are only ever added, until nothing is open or something can not be decided.
//!
//! [`Run`] is the state, `start` reads the request, `install` adds decided packages, `choose` decides, `weak` follows
//! recommends and supplements. Rule: obs-build's `Build::Expand`, libsolv-based perl-BSSolv where they differ.

mod choose;
mod install;
mod problems;
mod start;
mod weak;

pub(crate) use start::{ignores, shown};

use std::ops::Deref;
use std::rc::Rc;

use pkg::problem::DependencyProblem;
use rustc_hash::FxHashMap;

use crate::bits::BitSet;
use crate::pool::deps::RichNode;
use crate::pool::{Pool, Providers};
use crate::request::Wish;
use crate::rich::Atoms;
use crate::rules::{Ignores, Options, Rules};
use crate::trace::Trace;

/// A dependency that only the request has.
#[derive(Debug, Default)]
struct Local<'a> {
    text: &'a str,
    /// Of a plain dependency or a list of alternatives, sorted.
    providers: Providers<'a>,
    /// Providers of each alternative; empty if there is only one.
    alternatives: Vec<Vec<u32>>,
    rich: Option<LocalRich>,
}

/// A rich dependency of the request.
#[derive(Debug)]
struct LocalRich {
    /// None if it can not be parsed; its atoms count into `atoms`.
    tree: Option<RichNode>,
    atoms: Vec<LocalAtom>,
}

#[derive(Debug)]
struct LocalAtom {
    text: String,
    providers: Vec<u32>,
}

impl Atoms for [LocalAtom] {
    fn providers(&self, atom: u32) -> Vec<u32> {
        self.get(atom as usize).map_or(Vec::new(), |atom| atom.providers.clone())
    }

    fn is_ignored(&self, _atom: u32) -> bool {
        false
    }
}

/// Where the text of a dependency is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DepText {
    Pool(u32),
    Local(u32),
}

/// What waits for a decision.
#[derive(Debug, Clone, Copy)]
enum What {
    Dep(DepText),
    Clause(u32),
}

#[derive(Debug, Clone, Copy)]
struct Todo {
    what: What,
    requirer: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClauseKind {
    Requires,
    Conflicts,
    Recommends,
}

/// Part of a rich dependency of an installed package or the request.
#[derive(Debug)]
struct Clause {
    text: DepText,
    requirer: Option<u32>,
    kind: ClauseKind,
    negative: Vec<u32>,
    positive: Rc<[u32]>,
    is_done: bool,
}

/// Why a package must not be installed.
#[derive(Debug, Clone, Copy)]
enum Reason {
    InConflict,
    InConflictWith(u32),
    ObsoletedBy(u32),
    Dependency(DepText, Option<u32>),
}

/// The packages that can fulfil something.
enum Candidates<'a> {
    Known(Providers<'a>),
    Clause(Rc<[u32]>),
}

impl Deref for Candidates<'_> {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        match self {
            Self::Known(providers) => providers,
            Self::Clause(providers) => providers,
        }
    }
}

/// What an expansion found.
#[derive(Debug)]
pub(crate) struct Expanded {
    /// In order of installation.
    pub(crate) packages: Vec<u32>,
    /// Dependencies left to the build host.
    pub(crate) native: Vec<String>,
}

/// The state of an expansion.
pub(crate) struct Run<'a, T> {
    pool: &'a Pool,
    rules: &'a Rules,
    locals: &'a [Local<'a>],
    options: Options,
    ignores: std::borrow::Cow<'a, Ignores>,
    installed: BitSet,
    /// The installed packages in order.
    order: Vec<u32>,
    /// Decided, not yet installed.
    batch: Vec<u32>,
    in_batch: BitSet,
    todo: Vec<Todo>,
    /// Packages with a live entry in `exclusions`.
    excluded: BitSet,
    exclusions: Vec<(u32, Reason)>,
    clauses: Vec<Clause>,
    /// Clauses to look at again when a package gets installed.
    waiting: FxHashMap<u32, Vec<u32>>,
    recommended: BitSet,
    /// How many of `order` are in `recommended`.
    recommended_upto: usize,
    /// How many of `order` had their recommends followed.
    followed_upto: usize,
    /// `Some` while dependencies are left to the build host.
    native: Option<Vec<Native>>,
    problems: Vec<DependencyProblem>,
    /// Exclusions of the package at hand.
    fresh: Vec<(u32, Reason)>,
    trace: &'a mut T,
}

/// An entry of the list of dependencies left to the build host.
#[derive(Debug, Clone, Copy)]
enum Native {
    /// Everything behind this is not asked for directly.
    DirectsEnd,
    Dependency(DepText),
}

impl<'a, T: Trace> Run<'a, T> {
    /// Expands a wish. The problems are those of the round in which something went wrong.
    pub(crate) fn expand(
        pool: &'a Pool,
        rules: &'a Rules,
        wish: &Wish<'_>,
        extract_native: bool,
        trace: &'a mut T,
    ) -> Result<Expanded, Vec<DependencyProblem>> {
        let locals = start::read_dependencies(pool, rules, wish);
        // The locals live as long as this run, which ends before they do.
        Run::with_locals(pool, rules, &locals, wish, extract_native, trace).finish(wish)
    }

    fn with_locals<'b>(
        pool: &'b Pool,
        rules: &'b Rules,
        locals: &'b [Local<'b>],
        wish: &Wish<'_>,
        extract_native: bool,
        trace: &'b mut T,
    ) -> Run<'b, T> {
        Run {
            pool,
            rules,
            locals,
            options: rules.options.or(wish.options),
            ignores: start::ignores(pool, rules, wish),
            installed: BitSet::new(pool.len()),
            order: Vec::with_capacity(256),
            batch: Vec::with_capacity(64),
            in_batch: BitSet::new(pool.len()),
            todo: Vec::with_capacity(256),
            excluded: BitSet::new(pool.len()),
            exclusions: Vec::new(),
            clauses: Vec::new(),
            waiting: FxHashMap::default(),
            recommended: BitSet::default(),
            recommended_upto: 0,
            followed_upto: 0,
            native: (extract_native && pool.has_multi_arch()).then(Vec::new),
            problems: Vec::new(),
            fresh: Vec::new(),
            trace,
        }
    }

    fn finish(mut self, wish: &Wish<'_>) -> Result<Expanded, Vec<DependencyProblem>> {
        self.start(wish);
        loop {
            self.install_batch();
            if self.problems.is_empty() {
                self.decide_all();
            }
            if !self.problems.is_empty() {
                return Err(self.problems);
            }
            if self.todo.is_empty() && self.batch.is_empty() {
                self.follow_weak();
                if !self.problems.is_empty() {
                    return Err(self.problems);
                }
                if self.todo.is_empty() && self.batch.is_empty() {
                    break;
                }
            }
        }
        let native = self.native_texts();
        Ok(Expanded { packages: self.order, native })
    }

    /// Who can fulfil `what`.
    fn candidates(&self, what: What) -> Candidates<'a> {
        match what {
            What::Dep(text) => Candidates::Known(self.providers(text)),
            What::Clause(clause) => Candidates::Clause(Rc::clone(&self.clauses[clause as usize].positive)),
        }
    }

    fn providers(&self, dep: DepText) -> Providers<'a> {
        match dep {
            DepText::Pool(dep) => self.rules.providers(self.pool, dep),
            DepText::Local(local) => {
                let locals: &'a [Local<'a>] = self.locals;
                Providers::Borrowed(&locals[local as usize].providers)
            }
        }
    }

    /// The dependency as messages show it.
    fn text(&self, text: DepText) -> String {
        match text {
            DepText::Pool(dep) => self.pool.dep_text(dep),
            DepText::Local(local) => start::shown(self.pool.format(), self.locals[local as usize].text),
        }
    }

    /// The dependency as a request can name it.
    fn request_text(&self, text: DepText) -> String {
        match text {
            DepText::Pool(_) => self.text(text).replace(" << ", " < ").replace(" >> ", " > "),
            DepText::Local(local) => self.locals[local as usize].text.to_owned(),
        }
    }

    fn text_of(&self, what: What) -> DepText {
        match what {
            What::Dep(text) => text,
            What::Clause(clause) => self.clauses[clause as usize].text,
        }
    }

    /// The atoms of rich dependencies of `requirer`, with or without regard to what is ignored.
    fn atoms(&self, requirer: Option<u32>, honours_ignores: bool) -> RunAtoms<'_> {
        RunAtoms {
            pool: self.pool,
            rules: self.rules,
            ignores: honours_ignores.then_some(self.ignores.as_ref()),
            requirer,
        }
    }
}

/// The atoms of a rich dependency of one package.
struct RunAtoms<'a> {
    pool: &'a Pool,
    rules: &'a Rules,
    ignores: Option<&'a Ignores>,
    requirer: Option<u32>,
}

impl Atoms for RunAtoms<'_> {
    fn providers(&self, atom: u32) -> Vec<u32> {
        self.rules.providers(self.pool, atom).into_owned()
    }

    fn is_ignored(&self, atom: u32) -> bool {
        self.ignores.is_some_and(|ignores| ignores.contains(self.requirer, self.pool.deps().name(atom)))
    }
}

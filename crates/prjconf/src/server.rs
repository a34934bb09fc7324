//! The text a server makes of the configurations along a repository path.

use crate::combine::{Combiner, last_closer_end, last_opener};
use crate::source::{Part, SourceId};
use crate::tree::{ItemKind, Tree, parse};

/// One element of a repository path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathElement<'a> {
    /// The project.
    pub project: &'a str,
    /// Its repository.
    pub repository: &'a str,
    /// The project's configuration, if it has one.
    pub text: Option<&'a [u8]>,
}

/// What a server knows besides the path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerContext<'a> {
    /// The project that is built.
    pub project: &'a str,
    /// The repository that is built.
    pub repository: &'a str,
    /// The value of `%vendor`, such as `obs://INSTANCE/PROJECT`.
    pub vendor: Option<&'a str>,
    /// The value of `%_download_url`.
    pub download_url: Option<&'a str>,
    /// Configuration text the instance adds to all.
    pub extra_config: &'a [u8],
    /// Lines the instance adds to the macros.
    pub extra_macros: &'a [u8],
}

/// Joins the configurations of a repository path for recipes, workers and clients.
///
/// `path` is ordered strongest first; elements without a configuration may be left out or have no text.
///
/// Rule: the server's `getconfig` as described in prjconf(5), PROJECTS.
#[must_use]
pub fn server_config(context: &ServerContext<'_>, path: &[PathElement<'_>]) -> Tree {
    let mut server = ServerText::new(context, path);
    server.first_macros();
    for (strength, element) in path.iter().enumerate().rev() {
        server.element(strength, element);
    }
    server.finish(path)
}

/// Joins the configurations of a repository path the way a scheduler does: all `Macros:` sections are deleted.
///
/// So decisions about builds do not see them. An empty `Repotype:` means `rpm-md` to a scheduler; that is the caller's.
#[must_use]
pub fn scheduler_config(context: &ServerContext<'_>, path: &[PathElement<'_>]) -> Tree {
    let mut server = ServerText::new(context, path);
    server.combiner.out.generated(b"%define _obs_feature_exclude_cpu_constraints 1\n");
    for (strength, element) in path.iter().enumerate().rev() {
        let Some(text) = element.text else { continue };
        server.mark(element);
        for part in without_macros(&Part::whole(text, server.source(strength))) {
            server.combiner.out.part(&part);
        }
    }
    server.combiner.out.generated(context.extra_config);
    server.combiner.finish()
}

struct ServerText<'a> {
    context: &'a ServerContext<'a>,
    combiner: Combiner,
    path_len: usize,
    /// The last value of `_is_this_project` and `_is_in_project`.
    last_flags: [Option<bool>; 2],
    /// The repository of the last part that had macros.
    last_repository: String,
}

impl<'a> ServerText<'a> {
    fn new(context: &'a ServerContext<'a>, path: &[PathElement<'_>]) -> Self {
        let names = path.iter().rev().map(|element| format!("{}/{}", element.project, element.repository)).collect();
        let mut combiner = Combiner::new(names);
        combiner.out.generated(format!("%define _project {}\n", context.project).as_bytes());
        Self { context, combiner, path_len: path.len(), last_flags: [None; 2], last_repository: String::new() }
    }

    /// Sources are numbered base first, the path strongest first.
    fn source(&self, strength: usize) -> SourceId {
        SourceId(self.path_len - 1 - strength)
    }

    fn macros(&mut self, text: &str) {
        self.combiner.macros.generated(text.as_bytes());
    }

    fn first_macros(&mut self) {
        if let Some(vendor) = self.context.vendor {
            self.macros(&format!("%vendor {vendor}\n"));
        }
        if let Some(url) = self.context.download_url {
            self.macros(&format!("%_download_url {url}\n"));
        }
        self.macros(&format!("%_project {}\n", self.context.project));
    }

    fn distribution(&mut self) {
        let ServerContext { project, repository, .. } = self.context;
        let name = if *repository == "standard" { (*project).to_owned() } else { format!("{project} / {repository}") };
        self.macros(&format!("\n%distribution {name}\n%_project {project}\n"));
    }

    fn is_own(&self, element: &PathElement<'_>) -> bool {
        element.project == self.context.project && element.repository == self.context.repository
    }

    /// The lines in front of a part.
    fn mark(&mut self, element: &PathElement<'_>) {
        let project = self.context.project;
        let is_this = element.project == project;
        let is_in = is_this || project.strip_prefix(element.project).is_some_and(|rest| rest.starts_with(':'));
        let mut lines = format!("\n### from {}\n%define _repository {}\n", element.project, element.repository);
        for (index, (name, value)) in [("_is_this_project", is_this), ("_is_in_project", is_in)].into_iter().enumerate()
        {
            let last = self.last_flags.get_mut(index);
            if let Some(last) = last.filter(|last| **last != Some(value)) {
                *last = Some(value);
                lines.push_str(&format!("%define {name} {}\n", u8::from(value)));
            }
        }
        self.combiner.out.generated(lines.as_bytes());
    }

    fn element(&mut self, strength: usize, element: &PathElement<'_>) {
        if strength == 0 && self.is_own(element) {
            self.distribution();
        }
        let Some(text) = element.text else { return };
        let part = Part::whole(text, self.source(strength));
        self.mark(element);
        let mut rest = part;
        if let Some(end) = last_closer_end(part.text) {
            self.macros(&format!("\n### from {}\n\n%_repository {}\n", element.project, element.repository));
            self.last_repository = element.repository.to_owned();
            self.combiner.flush();
            let (head, tail) = part.split_at(end);
            self.combiner.out.part(&head);
            rest = tail;
        }
        let Some(section) = last_opener(rest.text) else { return self.combiner.out.part(&rest) };
        let (head, tail) = rest.split_at(section.line_start);
        self.combiner.out.part(&head);
        self.macros(&format!("\n### from {}\n%_repository {}\n", element.project, element.repository));
        self.last_repository = element.repository.to_owned();
        let (_, body) = tail.split_at(section.body_start - section.line_start);
        self.combiner.macros.part(&body);
    }

    fn finish(mut self, path: &[PathElement<'_>]) -> Tree {
        let ServerContext { project, repository, extra_config, extra_macros, .. } = *self.context;
        if self.last_repository != repository {
            self.macros(&format!("\n### from {project}\n%_repository {repository}\n"));
        }
        if !path.first().is_some_and(|element| self.is_own(element)) {
            self.distribution();
        }
        self.combiner.macros.generated(extra_macros);
        self.combiner.out.generated(extra_config);
        self.combiner.finish()
    }
}

/// The parts of a text that are in no `Macros:` section.
fn without_macros<'a>(part: &Part<'a>) -> Vec<Part<'a>> {
    let tree = parse(part.text);
    let mut parts = Vec::new();
    let mut rest = *part;
    let mut done = 0;
    for item in tree.items().iter().filter(|item| item.kind == ItemKind::MacrosBlock) {
        let (head, tail) = rest.split_at(item.start as usize - done);
        parts.push(head);
        let behind = (item.end as usize + 1).min(part.text.len());
        rest = tail.split_at(behind - item.start as usize).1;
        done = behind;
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: PathElement<'_> =
        PathElement { project: "base", repository: "standard", text: Some(b"Prefer: b\nMacros:\n%b 1\n") };

    fn text(tree: &Tree) -> String {
        String::from_utf8(tree.text().to_vec()).unwrap()
    }

    #[test]
    fn parts_are_marked_and_macros_gathered() {
        let context = ServerContext { project: "home:me", repository: "snap", ..ServerContext::default() };
        let own = PathElement { project: "home:me", repository: "snap", text: Some(b"Prefer: own\n") };
        expect_test::expect![[r"
            %define _project home:me

            ### from base
            %define _repository standard
            %define _is_this_project 0
            %define _is_in_project 0
            Prefer: b

            ### from home:me
            %define _repository snap
            %define _is_this_project 1
            %define _is_in_project 1
            Prefer: own

            Macros:
            %_project home:me

            ### from base
            %_repository standard
            %b 1

            %distribution home:me / snap
            %_project home:me

            ### from home:me
            %_repository snap
        "]]
        .assert_eq(&text(&server_config(&context, &[own, BASE])));
    }

    #[test]
    fn a_scheduler_sees_no_macros() {
        let context = ServerContext { project: "base:sub", repository: "standard", ..ServerContext::default() };
        let own = PathElement {
            project: "base:sub",
            repository: "standard",
            text: Some(b"Macros:\n%x 1\n:Macros\nPrefer: c\nMacros:\n%y"),
        };
        expect_test::expect![[r"
            %define _project base:sub
            %define _obs_feature_exclude_cpu_constraints 1

            ### from base
            %define _repository standard
            %define _is_this_project 0
            %define _is_in_project 1
            Prefer: b

            ### from base:sub
            %define _repository standard
            %define _is_this_project 1
            Prefer: c
        "]]
        .assert_eq(&text(&scheduler_config(&context, &[own, BASE])));
    }
}

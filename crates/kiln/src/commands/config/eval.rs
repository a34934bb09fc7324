use std::collections::BTreeSet;

use clap::Args;
use prjconf::{Code, Definition, DefinitionKind, Evaluated, Macros, Options, SourceText, Tree};
use serde::Serialize;

use super::input::{self, Loaded, is_file};
use super::remote::{self, Remote};
use super::show::file_arch;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::settings::ClientFlags;

/// What marks the lines that are added to a configuration to ask it something.
const MARK: &str = "kiln-eval";

/// How many open conditions a question is asked behind.
const MOST_CONDITIONS: usize = 1000;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Expression, condition (`%if ...`) or text with macros.
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    expression: String,
    /// File, `-` for the standard input, or project whose macros count.
    #[arg(value_name = "FILE|PROJECT")]
    input: Option<String>,
    /// Repository of the project, if it has several.
    repository: Option<String>,
    /// Architecture [default: this machine's; of a project its only one].
    #[arg(long)]
    arch: Option<String>,
}

/// What a text with macros, or a condition, comes to in a configuration, behind its last line.
pub(crate) fn in_configuration(tree: &Tree, arch: &str, expression: &str) -> View {
    Question::parse(expression).in_configuration(tree, arch)
}

/// What an expression comes to.
#[derive(Debug, Serialize)]
struct Answer {
    arch: String,
    /// As conditions of the configuration, behind its last line, see it.
    configuration: View,
    /// As recipes see it.
    recipes: View,
    macros: Vec<Used>,
}

/// What an expression comes to for those who see some of the macros.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct View {
    /// The text with its macros expanded.
    pub(crate) expanded: String,
    /// The value as an expression; null if it is none.
    value: Option<String>,
    /// Whether an `%if` with it is true; null if it is no expression.
    pub(crate) condition: Option<bool>,
    /// What went wrong.
    pub(crate) errors: Vec<String>,
}

/// A macro that has an influence.
#[derive(Debug, Serialize)]
struct Used {
    name: String,
    /// Where it is defined: `FILE:LINE`, or `built in`.
    places: Vec<String>,
    body: String,
    seen_by: &'static str,
}

/// Evaluates an expression.
pub(super) fn run(arguments: &Arguments, flags: &ClientFlags, output: Output) -> Result<(), Failure> {
    let question = Question::parse(&arguments.expression);
    let context = Context::find(arguments, flags)?;
    let evaluated = prjconf::evaluate(&context.tree, &Options::for_arch(&context.arch));
    let answer = Answer {
        configuration: question.in_configuration(&context.tree, &context.arch),
        recipes: question.in_recipes(&evaluated),
        macros: context.used(question.text, &evaluated),
        arch: context.arch,
    };
    let nothing = answer.configuration.condition.is_none() && answer.recipes.condition.is_none();
    if nothing && !question.text.contains('%') {
        let why = answer.configuration.errors.first().cloned().unwrap_or_else(|| "no expression".to_owned());
        return Err(Failure::new(Exit::Invalid, format!("{:?}: {why}", arguments.expression)));
    }
    output.result(&answer, |output| print(&answer, output));
    Ok(())
}

/// Whose macros count.
struct Context {
    tree: Tree,
    arch: String,
    files: Option<Loaded>,
}

impl Context {
    fn find(arguments: &Arguments, flags: &ClientFlags) -> Result<Self, Failure> {
        let arch = arguments.arch.as_deref();
        match &arguments.input {
            None => Ok(Self { tree: prjconf::parse(b""), arch: file_arch(arch), files: None }),
            Some(input) if is_file(input) => {
                let loaded = input::load(input)?;
                Ok(Self { tree: loaded.tree.clone(), arch: file_arch(arch), files: Some(loaded) })
            }
            Some(project) => {
                let remote = Remote::new(project, flags)?;
                let target = remote.target(arguments.repository.as_deref(), arch)?;
                Ok(Self { tree: remote::join(&remote.effective(&target, None)?), arch: target.1, files: None })
            }
        }
    }

    /// The macros of a text, those in their bodies included; each after the one that uses it.
    fn used(&self, text: &str, evaluated: &Evaluated) -> Vec<Used> {
        let definitions = prjconf::definitions(&self.tree);
        let recipes = Macros::of_config(&evaluated.config);
        let mut seen = BTreeSet::new();
        let mut next: Vec<String> = names_in(text).map(str::to_owned).collect();
        let mut used = Vec::new();
        while let Some(name) = (!next.is_empty()).then(|| next.remove(0)) {
            if !seen.insert(name.clone()) || used.len() == 100 {
                continue;
            }
            let own: Vec<&Definition> = definitions.iter().filter(|one| one.name == name).collect();
            for (for_recipes, seen_by) in [(false, "configuration"), (true, "recipes")] {
                let own: Vec<&&Definition> = own.iter().filter(|one| is_for_recipes(one) == for_recipes).collect();
                let Some(last) = own.last() else { continue };
                next.extend(names_in(&last.body).map(str::to_owned));
                let places = own.iter().map(|one| self.place(one)).collect();
                used.push(Used { name: name.clone(), places, body: last.body.clone(), seen_by });
            }
            if let Some(body) = recipes.body(&name).filter(|_| own.is_empty()) {
                used.push(Used { name, places: vec!["built in".to_owned()], body, seen_by: "both" });
            }
        }
        used
    }

    fn place(&self, definition: &Definition) -> String {
        let location = self.tree.locate(definition.name_span);
        match self.files.as_ref().and_then(|files| files.place(&location)) {
            Some(place) => place,
            None if location.source.is_none() => "the server".to_owned(),
            None => format!("{}:{}", location.name, location.line),
        }
    }
}

const fn is_for_recipes(definition: &Definition) -> bool {
    matches!(definition.kind, DefinitionKind::Block | DefinitionKind::DistMacro)
}

/// The names of macros in a text, built-in ones included.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('%').skip(1).filter_map(|rest| {
        let rest = rest.trim_start_matches(['{', '?', '!']);
        let len = rest.find(|other: char| !other.is_ascii_alphanumeric() && other != '_').unwrap_or(rest.len());
        rest.get(..len).filter(|name| name.starts_with(|first: char| !first.is_ascii_digit()))
    })
}

/// What is asked.
struct Question<'a> {
    /// The part with the macros.
    text: &'a str,
    /// `%ifarch` and the like, if that is what is asked: a list, not an expression.
    list_word: Option<&'a str>,
}

impl<'a> Question<'a> {
    fn parse(expression: &'a str) -> Self {
        let expression = expression.trim();
        let word = expression.split_ascii_whitespace().next().unwrap_or_default();
        let rest = expression.strip_prefix(word).unwrap_or_default().trim();
        match word {
            "%if" | "%elif" => Self { text: rest, list_word: None },
            "%ifarch" | "%ifnarch" | "%ifos" | "%ifnos" => Self { text: rest, list_word: Some(word) },
            _ => Self { text: expression, list_word: None },
        }
    }

    /// Adds lines to the configuration that keep what the text becomes, and reads them back.
    fn in_configuration(&self, tree: &Tree, arch: &str) -> View {
        let (front, probe) = self.probe(tree);
        let parts = [
            SourceText { name: "configuration", text: tree.text() },
            SourceText { name: MARK, text: probe.as_bytes() },
        ];
        let tree = prjconf::combine(&parts);
        let result = prjconf::evaluate(&tree, &Options::for_arch(arch));
        let kept = |what: &str| {
            let start = format!("{MARK}-{what}");
            let line = result.config.constraint.iter().rev().find(|line| line.starts_with(&start))?;
            line.strip_prefix(&start).map(|rest| rest.trim().to_owned())
        };
        let Some(expanded) = kept("text") else {
            return View { errors: vec!["the configuration ends inside a macro".to_owned()], ..View::default() };
        };
        let mut errors: Vec<String> = Vec::new();
        let mut is_expression = true;
        for finding in result.findings.iter().filter(|finding| finding.code == Code::MacroError) {
            let location = tree.locate(finding.span);
            if location.name == MARK {
                is_expression &= location.line != front + 3;
                if !errors.contains(&finding.message) {
                    errors.push(finding.message.clone());
                }
            }
        }
        View {
            expanded,
            value: kept("value").filter(|_| is_expression && self.list_word.is_none()),
            condition: is_expression.then_some(kept("true").is_some()),
            errors,
        }
    }

    /// The number of lines that close what the configuration left open, and the lines that ask.
    fn probe(&self, tree: &Tree) -> (usize, String) {
        let text = self.text.replace(['\n', '\r'], " ");
        let word = self.list_word.unwrap_or("%if");
        let value = if self.list_word.is_none() { format!("%{{expr:{text}}}") } else { String::new() };
        let conditions = tree.text().windows(3).filter(|bytes| bytes == b"%if").count();
        let front = conditions.min(MOST_CONDITIONS) + 1;
        let closers = "%endif\n".repeat(front - 1);
        let asks = format!("Constraint: {MARK}-text {text}\nConstraint: {MARK}-value {value}\n{word} {text}\n");
        (front, format!("\n{closers}{asks}Constraint: {MARK}-true\n%endif\n"))
    }

    fn in_recipes(&self, evaluated: &Evaluated) -> View {
        let macros = Macros::of_config(&evaluated.config);
        let expansion = macros.clone().expand(self.text);
        let mut view =
            View { expanded: expansion.text.trim().to_owned(), errors: expansion.warnings, ..View::default() };
        if let Some(word) = self.list_word {
            let own = macros.clone().expand(if word.ends_with("os") { "%_target_os" } else { "%_target_cpu" }).text;
            let listed = view.expanded.split_ascii_whitespace().any(|word| word == own);
            view.condition = Some(listed != word.starts_with("%ifn"));
            return view;
        }
        let (truth, warnings) = macros.clone().condition(self.text);
        let is_expression = warnings.is_empty();
        for warning in warnings {
            if !view.errors.contains(&warning) {
                view.errors.push(warning);
            }
        }
        view.value = is_expression.then(|| macros.clone().expand(&format!("%{{expr:{}}}", self.text)).text);
        view.condition = is_expression.then_some(truth);
        view
    }
}

fn print(answer: &Answer, output: Output) {
    if answer.configuration == answer.recipes {
        print_view("", &answer.configuration, output);
    } else {
        output.line("in the configuration:");
        print_view("  ", &answer.configuration, output);
        output.line("in recipes:");
        print_view("  ", &answer.recipes, output);
    }
    if !answer.macros.is_empty() {
        output.line("macros:");
    }
    for used in &answer.macros {
        let body = prjconf::printable(&used.body);
        let who = if used.seen_by == "both" { String::new() } else { format!(", seen by the {}", used.seen_by) };
        let who = who.replace("the recipes", "recipes");
        output.line(format!("  %{} = {body} ({}{who})", used.name, used.places.join(", ")));
    }
}

fn print_view(indent: &str, view: &View, output: Output) {
    output.line(format!("{indent}expanded   {}", prjconf::printable(&view.expanded)));
    if let Some(value) = &view.value {
        output.line(format!("{indent}value      {}", prjconf::printable(value)));
    }
    match view.condition {
        Some(truth) => output.line(format!("{indent}condition  {truth}")),
        None => output.line(format!("{indent}condition  none: {}", view.errors.join("; "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn views(expression: &str, text: &str) -> (View, View) {
        let context = Context { tree: prjconf::parse(text.as_bytes()), arch: "i586".to_owned(), files: None };
        let question = Question::parse(expression);
        let evaluated = prjconf::evaluate(&context.tree, &Options::for_arch("i586"));
        (question.in_configuration(&context.tree, &context.arch), question.in_recipes(&evaluated))
    }

    fn shown(view: &View) -> String {
        format!("{} | {:?} | {:?}", view.expanded, view.value, view.condition)
    }

    #[test]
    fn configuration_and_recipes_see_different_macros() {
        let text = "%define own 3\nMacros:\n%suse_version 1550\n";
        let (own, recipes) = views("0%{?suse_version} >= 1500", text);
        assert_eq!(shown(&own), r#"0 >= 1500 | Some("0") | Some(false)"#);
        assert_eq!(shown(&recipes), r#"01550 >= 1500 | Some("1") | Some(true)"#);
        let (own, _) = views("%if %own * 2 == 6 && (1 || 0)", text);
        assert_eq!(shown(&own), r#"3 * 2 == 6 && (1 || 0) | Some("1") | Some(true)"#);
    }

    #[test]
    fn conditions_on_architectures_and_plain_texts_have_no_value() {
        let (own, recipes) = views("%ifarch %ix86 sparc", "");
        assert_eq!((own.condition, own.value.as_deref()), (Some(true), None));
        assert_eq!(recipes.condition, Some(true));
        assert_eq!(views("%ifnarch i586", "").0.condition, Some(false));
        let (own, _) = views("%{x}-foo bar%", "%define x 1\n");
        assert_eq!(shown(&own), "1-foo bar% | None | None");
        assert_eq!(own.errors.len(), 1, "{own:?}");
    }

    #[test]
    fn open_ends_of_the_configuration_do_not_matter() {
        for text in ["%define x 1\nMacros:\n%y 2", "%define x 1\n%if 0\n%ifarch nosuch\n", "%define x 1\n%define y \\"]
        {
            assert_eq!(views("%x", text).0.condition, Some(true), "{text}");
        }
    }
}

//! Random worlds: a configuration, a repository and a question, in the formats of the cases.

use std::fmt::Write as _;

use super::Peers;
use super::dice::Dice;

/// Whose answer counts for a world.
///
/// The two peers differ in some rules. A world uses only rules in which the named one is right, besides those in which
/// both agree; docs/formats/expansion.7.md has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// perl-BSSolv.
    Libsolv,
    /// obs-build's Perl expander.
    ObsBuild,
}

/// A case without its answer.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) side: Side,
    pub(crate) config: String,
    pub(crate) packages: String,
    pub(crate) request: String,
}

impl World {
    /// Takes names that no package has out of an answer: some sets end with names as the configuration has them.
    pub(crate) fn drop_unknown_packages(&self, answer: &mut serde_json::Value) {
        if let Some(names) = answer.get_mut("packages").and_then(serde_json::Value::as_array_mut) {
            names.retain(|name| self.packages.contains(&format!("package {} ", name.as_str().unwrap_or_default())));
        }
    }
}

/// Which features a world has, in percent of the places where they can be.
struct Maker<'a> {
    dice: &'a mut Dice,
    peers: Peers,
    side: Side,
    format: &'static str,
    op: &'static str,
    names: usize,
    capabilities: usize,
    rich: usize,
    files: usize,
    versions: usize,
    alternatives: usize,
    weak: bool,
    /// Whether anything is ignored: by the configuration, the request, or as an own binary.
    ignores: bool,
    /// In percent of Debian names.
    any: usize,
    odd_versions: bool,
    /// Whether packages may provide names of packages.
    virtual_names: bool,
}

/// Makes a world.
pub(crate) fn make(dice: &mut Dice, peers: Peers) -> World {
    // Debian's obs-build is from 2021 and lacks many rules.
    let side = if dice.chance(65) || !peers.obsbuild_is_new { Side::Libsolv } else { Side::ObsBuild };
    let is_libsolv = side == Side::Libsolv;
    let format = match dice.roll(20) {
        0..=11 => "rpm",
        12..=17 => "deb",
        _ => "arch",
    };
    let is_rpm = format == "rpm";
    let op = operation(dice, side, peers);
    let rich = if is_rpm && dice.chance(45) { dice.between(10, 50) } else { 0 };
    let any = if dice.chance(50) { 10 } else { 0 };
    let mut maker = Maker {
        any,
        peers,
        side,
        format,
        op,
        names: dice.between(3, 18),
        capabilities: dice.between(1, 7),
        rich,
        files: if is_rpm && op != "order" && dice.chance(25) { dice.between(5, 30) } else { 0 },
        versions: if dice.chance(70) { dice.between(5, 60) } else { 0 },
        alternatives: match format {
            "deb" if dice.chance(80) => 30,
            "rpm" if !is_libsolv && dice.chance(20) => 20,
            _ => 0,
        },
        weak: dice.chance(40),
        ignores: dice.chance(50) && (is_libsolv || (rich == 0 && (any == 0 || format != "deb"))),
        odd_versions: dice.chance(30) && (is_libsolv || format == "deb"),
        virtual_names: dice.chance(25) && rich == 0 && op != "order",
        dice,
    };
    let packages = maker.packages();
    let config = maker.config();
    let request = maker.request(&packages);
    World { side, config, packages, request }
}

fn operation(dice: &mut Dice, side: Side, peers: Peers) -> &'static str {
    match (side, dice.roll(20)) {
        (_, 0..=9) => "expand",
        (_, 10..=15) if !peers.obsbuild_is_new => "expand",
        (_, 10 | 11) => "get_build",
        (_, 12 | 13) => "get_deps",
        (_, 14) => "preinstalls",
        (_, 15) => "get_sysbuild",
        (Side::ObsBuild, 16) if peers.obsbuild_is_new => "get_sysroot",
        (Side::Libsolv, 17) => "depsort2",
        (Side::ObsBuild, 17) => "order",
        (Side::Libsolv, 18) => "genmeta",
        (Side::ObsBuild, 18) if peers.obsbuild_is_new => "genmeta",
        (Side::Libsolv, 19) => "addmeta",
        (Side::ObsBuild, 19) => ["match", "verscmp", "substitute"][dice.roll(3)],
        _ => "expand",
    }
}

/// Numbers sort like names.
fn named(place: usize) -> String {
    format!("p{place:02}")
}

impl Maker<'_> {
    fn is_libsolv(&self) -> bool {
        self.side == Side::Libsolv
    }

    fn name(&mut self) -> String {
        named(self.dice.between(1, self.names))
    }

    fn capability(&mut self) -> String {
        format!("c{}", self.dice.between(1, self.capabilities))
    }

    fn name_or_capability(&mut self) -> String {
        if self.op == "order" {
            // The order of several providers is that of a hash there.
            return self.name();
        }
        match self.dice.roll(50) {
            0 => "nope".to_owned(),
            1..=24 => self.name(),
            _ => self.capability(),
        }
    }

    fn version(&mut self) -> String {
        let number = self.dice.between(1, 4);
        if !self.odd_versions {
            return number.to_string();
        }
        let text = match self.dice.roll(9) {
            0 => format!("{number}.0"),
            1 => format!("{number}~rc1"),
            2 if self.format == "rpm" => format!("{number}^git2"),
            3 => format!("1:{number}"),
            4 => format!("{number}.0a"),
            5 => format!("0{number}"),
            6 => format!("{number}.10"),
            _ => number.to_string(),
        };
        if self.dice.chance(35) { format!("{text}-{}", self.dice.between(0, 2)) } else { text }
    }

    fn constraint(&mut self) -> String {
        let operator = self.dice.pick(&["<", "<=", "=", "=", ">=", ">"]);
        format!(" {operator} {}", self.version())
    }

    fn term(&mut self) -> String {
        let mut text = self.name_or_capability();
        if self.format == "deb" && self.dice.chance(self.any) {
            text.push_str(":any");
        }
        if self.dice.chance(self.versions) {
            text += &self.constraint();
        }
        text
    }

    /// A rich dependency in the spelling both peers print.
    fn rich(&mut self, depth: usize) -> String {
        format!("({})", self.rich_terms(depth, ""))
    }

    fn rich_terms(&mut self, depth: usize, outer: &str) -> String {
        let mut operator = self.dice.pick(&["and", "or", "if", "unless", "with", "without", "or", "and", "if"]);
        if operator == outer {
            // A nested chain of the same operator is printed flat.
            operator = "if";
        }
        if outer == "with" || operator == "with" || operator == "without" {
            return format!(
                "{} {} {}",
                self.rich_atom(),
                if operator == "without" { "without" } else { "with" },
                self.rich_atom()
            );
        }
        let mut text = self.rich_term(depth, operator);
        let count = if matches!(operator, "and" | "or") { self.dice.between(1, 2) } else { 1 };
        for _ in 0..count {
            let term = self.rich_term(depth, operator);
            _ = write!(text, " {operator} {term}");
        }
        if matches!(operator, "if" | "unless") && self.dice.chance(30) {
            let term = self.rich_term(depth, operator);
            _ = write!(text, " else {term}");
        }
        text
    }

    fn rich_atom(&mut self) -> String {
        let name = self.name_or_capability();
        if self.dice.chance(self.versions / 2) { name + &self.constraint() } else { name }
    }

    fn rich_term(&mut self, depth: usize, outer: &str) -> String {
        if depth == 0 || self.dice.chance(60) {
            return self.rich_atom();
        }
        format!("({})", self.rich_terms(depth - 1, outer))
    }

    /// A rich conflict that can not hit the package that has it.
    fn rich_conflict(&mut self, owner: usize) -> String {
        let mut other = || {
            let place = self.dice.between(1, self.names + 1);
            named(if place == owner { place + 1 } else { place })
        };
        let (one, two, three) = (other(), other(), other());
        match self.dice.roll(5) {
            0 => format!("({one} if {two})"),
            1 => format!("({one} unless {two} else {three})"),
            2 => format!("({one} or {two} or {three})"),
            3 => format!("({one} if ({two} or {three}))"),
            _ => format!("({one} and {two})"),
        }
    }

    fn file(&mut self) -> String {
        format!("/f{}", self.dice.between(1, 3))
    }

    fn requirement(&mut self) -> String {
        if self.dice.chance(self.rich) {
            return self.rich(2);
        }
        if self.dice.chance(self.files) {
            return self.file();
        }
        if self.format == "rpm" && self.dice.chance(2) {
            return "rpmlib(x) <= 4".to_owned();
        }
        if self.dice.chance(self.alternatives) {
            let terms: Vec<String> = (0..self.dice.between(2, 3)).map(|_| self.term()).collect();
            return terms.join(" | ");
        }
        self.term()
    }

    fn packages(&mut self) -> String {
        let mut text = String::new();
        let repositories = if self.is_libsolv() && self.op != "order" && self.dice.chance(12) { 2 } else { 1 };
        for repository in 0..repositories {
            if repositories > 1 {
                _ = writeln!(text, "repo r{repository} {}", self.dice.roll(3));
            }
            for place in 1..=self.names {
                if self.dice.chance(if repositories > 1 { 40 } else { 6 }) {
                    continue;
                }
                self.package(place, &mut text);
            }
        }
        text
    }

    fn package(&mut self, place: usize, text: &mut String) {
        let release = if self.odd_versions && self.dice.chance(50) { "" } else { "-1" };
        let version = if self.odd_versions { self.version() } else { self.dice.between(1, 4).to_string() };
        let release = if version.contains('-') { "" } else { release };
        _ = writeln!(text, "package {} {version}{release}", named(place));
        let mut line = |key: &str, value: &str| _ = writeln!(text, "  {key} {value}");
        for _ in 0..self.dice.roll(4) {
            let mut name = self.capability();
            if self.virtual_names && self.dice.chance(20) {
                // Not its own name in another version.
                name = named(if place == self.names { 1 } else { place + 1 });
            }
            if self.dice.chance(40) {
                let operator = if self.dice.chance(90) { "=" } else { self.dice.pick(&["<", "<=", ">=", ">"]) };
                name += &format!(" {operator} {}", self.version());
            }
            line("provides", &name);
        }
        if !self.is_libsolv() && self.dice.chance(self.files / 2) {
            line("provides", &self.file());
        }
        for _ in 0..self.dice.roll(4) {
            line("requires", &self.requirement());
        }
        if self.dice.chance(15) {
            let conflict = match (self.dice.chance(self.rich), self.is_libsolv()) {
                (true, true) => self.rich_conflict(place),
                (true, false) => self.rich(1),
                (false, _) => self.term(),
            };
            line("conflicts", &conflict);
        }
        if self.format == "rpm" && self.peers.obsbuild_is_new && self.dice.chance(2) {
            line("conflicts", &format!("otherproviders({})", self.capability()));
        }
        if self.format != "deb" && self.dice.chance(6) {
            let term = self.term();
            line("obsoletes", &term);
        }
        if self.weak && self.dice.chance(35) {
            let is_rich = self.is_libsolv() && self.dice.chance(self.rich);
            let dependency = if is_rich { self.rich(1) } else { self.term() };
            line("recommends", &dependency);
        }
        if self.weak && self.is_libsolv() && self.format == "rpm" && self.dice.chance(20) {
            let dependency = if self.dice.chance(self.rich) { self.rich(1) } else { self.term() };
            line("supplements", &dependency);
        }
        if self.format == "deb" && self.dice.chance(20) {
            line("multiarch", self.dice.pick(&["foreign", "allowed", "same"]));
        }
    }

    fn words(&mut self, most: usize, mut word: impl FnMut(&mut Self) -> String) -> String {
        let count = self.dice.between(1, most);
        (0..count).map(|_| word(self)).collect::<Vec<_>>().join(" ")
    }

    fn config(&mut self) -> String {
        let mut text = String::new();
        _ = writeln!(text, "Binarytype: {}", self.format);
        let has_scopes = self.is_libsolv();
        if self.dice.chance(60) {
            let words = self.words(6, |maker| {
                let minus = if maker.dice.chance(25) { "-" } else { "" };
                let scope = if has_scopes && maker.dice.chance(20) { maker.name() + ":" } else { String::new() };
                format!("{minus}{scope}{}", maker.name())
            });
            _ = writeln!(text, "Prefer: {words}");
        }
        if self.ignores && self.dice.chance(80) {
            let words = self.words(3, |maker| {
                let scope = if maker.dice.chance(50) { maker.name() + ":" } else { String::new() };
                format!("{scope}{}", maker.name_or_capability())
            });
            _ = writeln!(text, "Ignore: {words}");
        }
        if self.dice.chance(20) {
            let (one, mut other) = (self.name(), self.name());
            if one == other && self.is_libsolv() {
                other = format!("q{other}");
            }
            let is_single = self.peers.bssolv_is_new && self.dice.chance(40);
            _ = if is_single { writeln!(text, "Conflict: {one}") } else { writeln!(text, "Conflict: {one}:{other}") };
        }
        if self.files > 0 && self.dice.chance(70) {
            let (path, words) = (self.file(), self.words(3, Self::name));
            _ = writeln!(text, "FileProvides: {path} {words}");
        }
        self.config_lists(&mut text);
        let flags = self.flags();
        if !flags.is_empty() {
            _ = writeln!(text, "ExpandFlags: {}", flags.join(" "));
        }
        text
    }

    fn config_lists(&mut self, text: &mut String) {
        if self.op == "order" {
            for _ in 0..self.dice.roll(3) {
                let (one, other) = (self.name(), self.name());
                _ = writeln!(text, "Order: {one}:{other}");
            }
        }
        if !self.op.starts_with("get_") && !matches!(self.op, "preinstalls" | "substitute") {
            return;
        }
        for (key, percent, most) in [
            ("Preinstall", 60, 3),
            ("VMInstall", 40, 2),
            ("Required", 60, 2),
            ("Support", 50, 3),
            ("Keep", 40, 3),
            ("IgnoreRebuild", 25, 2),
        ] {
            if self.dice.chance(percent) && (self.ignores || !matches!(key, "Keep" | "IgnoreRebuild")) {
                let words = self.words(most, Self::name);
                _ = writeln!(text, "{key}: {words}");
            }
        }
        for _ in 0..self.dice.roll(3) {
            let name = if self.dice.chance(50) { self.name() } else { self.capability() };
            let words = self.words(2, |maker| {
                let minus = if maker.ignores && maker.dice.chance(10) { "-" } else { "" };
                format!("{minus}{}", maker.name_or_capability())
            });
            _ = writeln!(text, "Substitute: {name} {words}");
        }
        if self.op == "get_sysbuild" {
            let (one, other) = (self.words(2, Self::name), self.words(2, Self::capability));
            _ = writeln!(
                text,
                "Substitute: system-packages:kiwi-image {one}\nSubstitute: system-packages:docker {other}"
            );
        }
        if self.dice.chance(30) {
            _ = writeln!(text, "Type: {}", self.dice.pick(&["spec", "kiwi", "docker"]));
        }
    }

    fn flags(&mut self) -> Vec<&'static str> {
        let mut flags = Vec::new();
        let mut flag = |dice: &mut Dice, percent: usize, word: &'static str| {
            if dice.chance(percent) {
                flags.push(word);
            }
        };
        let is_libsolv = self.side == Side::Libsolv;
        flag(self.dice, 8, "ignoreconflicts");
        flag(self.dice, if self.weak && is_libsolv { 50 } else { 0 }, "dorecommends");
        flag(self.dice, if self.weak && is_libsolv { 50 } else { 0 }, "dosupplements");
        flag(
            self.dice,
            if self.files > 0 && self.peers.bssolv_is_new && self.peers.obsbuild_is_new { 25 } else { 0 },
            "keepfilerequires",
        );
        flag(self.dice, 30, "preinstallexpand");
        flag(self.dice, if self.ignores { 15 } else { 0 }, "ignorerebuildforsupport");
        flag(self.dice, 10, "kiwi-nobasepackages");
        flags
    }

    fn request(&mut self, packages: &str) -> String {
        let mut text = format!("op: {}\n", self.op);
        match self.op {
            "verscmp" | "match" => self.version_request(&mut text),
            "genmeta" | "addmeta" => self.meta_request(&mut text),
            "depsort2" => self.depsort_request(&mut text),
            "order" => {
                text += "load: hash\n";
                for place in 1..=self.names {
                    let is_there = packages.contains(&format!("package {} ", named(place)));
                    if is_there && self.dice.chance(80) {
                        _ = writeln!(text, "pack: {}", named(place));
                    }
                }
            }
            "preinstalls" => text += "load: repos\n",
            "get_sysbuild" => {
                let kind = self.dice.pick(&["spec", "kiwi", "docker", "dsc"]);
                _ = writeln!(text, "load: repos\nbuildtype: {kind}");
                for _ in 0..self.dice.roll(2) {
                    let term = self.term();
                    _ = writeln!(text, "extradep: {term}");
                }
            }
            _ => {
                text += "load: repos\n";
                self.dependencies(&mut text);
            }
        }
        text
    }

    fn dependencies(&mut self, text: &mut String) {
        let mut items = Vec::new();
        for _ in 0..self.dice.between(1, 4) {
            items.push(self.request_item());
        }
        let extras = self.dice.roll(3);
        for _ in 0..extras {
            let item = self.extra_item();
            let place = self.dice.roll(items.len() + 1);
            items.insert(place, item);
        }
        if self.dice.chance(8) {
            items.push("--directdepsend--".to_owned());
            items.push(self.term());
        }
        for item in items {
            _ = writeln!(text, "dep: {item}");
        }
        if self.op.starts_with("get_") {
            for _ in 0..self.dice.roll(4) {
                let name = self.name();
                _ = writeln!(text, "subpack: {name}");
            }
        }
    }

    fn request_item(&mut self) -> String {
        if self.is_libsolv() {
            return match self.dice.roll(10) {
                0 if self.rich > 0 => self.rich(1),
                _ => self.requirement_without_rpmlib(),
            };
        }
        let mut text = self.name_or_capability();
        if self.dice.chance(self.versions) {
            text += &self.constraint();
        }
        text
    }

    fn requirement_without_rpmlib(&mut self) -> String {
        loop {
            let text = self.requirement();
            if !text.starts_with("rpmlib(") && !text.starts_with('(') {
                return text;
            }
        }
    }

    fn extra_item(&mut self) -> String {
        match self.dice.roll(10) {
            0 | 1 if self.ignores => format!("-{}", self.name()),
            2 if self.ignores => format!("-{}:{}", self.name(), self.name_or_capability()),
            // The old one looks at what is excluded too late.
            3..=6 if !self.peers.bssolv_is_new => "--ignoreignore--".to_owned(),
            3 | 4 => format!("!{}", self.term().replace(":any", "")),
            5 if self.is_libsolv() => format!("!!{}", self.name()),
            6 if self.is_libsolv() && self.rich > 0 => format!("!{}", self.rich_conflict(0)),
            7 => "--ignoreignore--".to_owned(),
            8 if self.weak && self.is_libsolv() => "--dorecommends--".to_owned(),
            9 if self.dice.chance(20) => "--ignoreconflicts--".to_owned(),
            _ if !self.peers.bssolv_is_new => "--odd--".to_owned(),
            _ => format!("!{}", self.name()),
        }
    }

    fn version_request(&mut self, text: &mut String) {
        let kind = if self.peers.obsbuild_is_new {
            self.dice.pick(&["rpm", "deb", "apk"])
        } else {
            self.dice.pick(&["rpm", "deb"])
        };
        let (one, two) = (self.any_version(kind), self.any_version(kind));
        _ = writeln!(text, "type: {kind}");
        if self.op == "verscmp" {
            _ = writeln!(text, "arg: {one}\narg: {two}");
        } else {
            let operators = ["<", "<=", "=", ">=", ">"];
            let (first, second) = (self.dice.pick(&operators), self.dice.pick(&operators));
            // The peers differ where only one side has a release.
            let plain = |version: &str| version.split('-').next().unwrap_or_default().to_owned();
            _ = writeln!(text, "arg: x {first} {}\narg: x {second} {}", plain(&one), plain(&two));
        }
    }

    fn any_version(&mut self, kind: &str) -> String {
        let pieces: &[&str] = match kind {
            "rpm" => &["1", "02", "10", "a", "b", ".", "~", "^", "+", "_", "rc", "9"],
            "deb" => &["1", "02", "10", "a", "Z", ".", "~", "+", "rc", "9", ".0"],
            _ => &[".1", ".02", ".10", "a", "_rc1", "_p2", "_alpha", ".9", "_git20"],
        };
        let mut text = self.dice.between(0, 3).to_string();
        for _ in 0..self.dice.roll(5) {
            text += self.dice.pick(pieces);
        }
        if self.dice.chance(30) {
            text += if kind == "apk" { "-r1" } else { "-2" };
        }
        if kind != "apk" && self.dice.chance(15) { format!("1:{text}") } else { text }
    }

    fn meta_request(&mut self, text: &mut String) {
        let names: Vec<String> = (0..self.dice.between(2, 8)).map(|i| format!("b{i}")).collect();
        let name = |maker: &mut Self| names[maker.dice.roll(names.len())].clone();
        let count = self.dice.between(1, 14);
        for line in 0..count {
            let mut path = name(self);
            let depth = if self.op == "addmeta" && line == 0 { 0 } else { self.dice.roll(4) };
            for _ in 0..depth {
                path = format!("{path}/{}", name(self));
            }
            let digest = format!("{:x}", self.dice.roll(3)).repeat(32);
            _ = writeln!(text, "metaline: {digest}  {path}");
        }
        if self.op == "addmeta" {
            let (bin, package) = (name(self), name(self));
            _ = writeln!(text, "bin: {bin}\npackid: {package}");
            return;
        }
        _ = writeln!(text, "algo: {}", self.dice.roll(2));
        for _ in 0..self.dice.roll(3) {
            let own = name(self);
            _ = writeln!(text, "subpack: {own}");
        }
    }

    fn depsort_request(&mut self, text: &mut String) {
        for place in 1..=self.names {
            _ = writeln!(text, "pack: {}", named(place));
        }
        for place in 1..=self.names {
            let words = self.words(3, Self::name);
            if self.dice.chance(70) {
                _ = writeln!(text, "edge: {} {words}", named(place));
            }
        }
        for _ in 0..self.dice.roll(3) {
            let (one, other) = (self.name(), self.name());
            // Two packages with one source.
            if one != other && !text.contains(&format!("src: {one} ")) {
                _ = writeln!(text, "src: {one} {other}");
            }
        }
    }
}

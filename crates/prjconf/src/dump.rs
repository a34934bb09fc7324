//! The canonical JSON of a result: what `kiln config dump` prints and what the corpus holds.
//!
//! All scalars are strings, unset ones are null, keys are sorted by their bytes, two blanks a level. Bytes from 0x80 on are
//! copied as they were in the configuration, so the outcome is bytes, not text.

use std::collections::BTreeMap;

use crate::config::{BuildConfig, Replacement};
use crate::evaluate::Evaluated;
use crate::text::encode;
use crate::texts::{TextList, TextSlice};

/// A JSON value of the dump.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Json {
    Null,
    Text(Vec<u8>),
    List(Vec<Self>),
    Map(BTreeMap<Vec<u8>, Self>),
}

/// The canonical JSON of a result and its warnings, as `kiln config dump` prints it; ends in a line feed.
#[must_use]
pub fn dump(evaluated: &Evaluated) -> Vec<u8> {
    dump_case(Some(evaluated), None, None, None, &evaluated.warnings)
}

/// The canonical JSON of the configuration alone, without a final line feed.
#[must_use]
pub fn dump_config(evaluated: &Evaluated) -> Vec<u8> {
    let mut out = Vec::new();
    config_json(&evaluated.config, evaluated.parse_error.as_deref()).write(0, &mut out);
    out
}

/// The canonical JSON of a whole case: the configuration, warnings, and what else a case may have.
///
/// `evaluated` is missing if the text could not be read, and `died` says why. `combined` is the joined text, `evals` are
/// texts with their expansion. Ends in a line feed.
#[must_use]
pub fn dump_case(
    evaluated: Option<&Evaluated>,
    died: Option<&str>,
    combined: Option<&[u8]>,
    evals: Option<&BTreeMap<String, String>>,
    warnings: &[String],
) -> Vec<u8> {
    let mut top = Fields::default();
    let config = evaluated.map_or(Json::Null, |result| config_json(&result.config, result.parse_error.as_deref()));
    top.put("config", config);
    top.put("died", died.map_or(Json::Null, text));
    top.put("warnings", list(warnings.iter().map(String::as_str)));
    if let Some(combined) = combined {
        top.put("combined", Json::Text(combined.to_vec()));
    }
    if let Some(evals) = evals {
        top.put("eval", map(evals.iter().map(|(name, value)| (name.as_str(), value)), |value| text(value)));
    }
    let mut out = Vec::new();
    Json::Map(top.0).write(0, &mut out);
    out.push(b'\n');
    out
}

#[derive(Default)]
struct Fields(BTreeMap<Vec<u8>, Json>);

impl Fields {
    fn put(&mut self, key: &str, value: Json) {
        self.0.insert(encode(key).into_owned(), value);
    }

    fn put_some(&mut self, key: &str, value: Option<&String>) {
        if let Some(value) = value {
            self.put(key, text(value));
        }
    }

    /// Each flag under its own key; the last entry wins.
    fn put_flags(&mut self, key: &str, flags: &TextList) {
        self.put(key, list(flags));
        for flag in flags {
            let (name, value) = crate::config::split_flag(flag);
            self.put(&format!("{key}:{name}"), text(value));
        }
    }
}

fn text(value: &str) -> Json {
    Json::Text(encode(value).into_owned())
}

fn optional(value: Option<&String>) -> Json {
    value.map_or(Json::Null, |value| text(value))
}

fn list<'a>(values: impl IntoIterator<Item = &'a str>) -> Json {
    Json::List(values.into_iter().map(text).collect())
}

fn map<'a, V>(entries: impl Iterator<Item = (&'a str, V)>, value: impl Fn(V) -> Json) -> Json {
    Json::Map(entries.map(|(key, entry)| (encode(key).into_owned(), value(entry))).collect())
}

fn set<'a>(values: impl IntoIterator<Item = &'a str>) -> Json {
    Json::Map(values.into_iter().map(|value| (encode(value).into_owned(), text("1"))).collect())
}

fn config_json(config: &BuildConfig, parse_error: Option<&str>) -> Json {
    let mut fields = Fields::default();
    put_lists(config, &mut fields);
    put_maps(config, &mut fields);
    put_scalars(config, &mut fields);
    if let Some(parse_error) = parse_error {
        fields.put("parse_error", text(parse_error));
    }
    Json::Map(fields.0)
}

fn put_lists(config: &BuildConfig, fields: &mut Fields) {
    for (key, values) in [
        ("macros", &config.macros),
        ("preinstall", &config.preinstall),
        ("vminstall", &config.vminstall),
        ("runscripts", &config.runscripts),
        ("required", &config.required),
        ("support", &config.support),
        ("keep", &config.keep),
        ("prefer", &config.prefer),
        ("ignore", &config.ignore),
        ("conflict", &config.conflict),
        ("ignorerebuild", &config.ignorerebuild),
        ("alsonative", &config.alsonative),
        ("onlynative", &config.onlynative),
        ("publishfilter", &config.publishfilter),
        ("repotype", &config.repotype),
        ("patterntype", &config.patterntype),
        ("constraint", &config.constraint),
        ("repourl", &config.repourl),
        ("registryurl", &config.registryurl),
        ("assetsurl", &config.assetsurl),
    ] {
        fields.put(key, list(values));
    }
    fields.put_flags("buildflags", &config.buildflags);
    fields.put_flags("expandflags", &config.expandflags);
    fields.put_flags("publishflags", &config.publishflags);
    let modules = config.modules();
    if !modules.is_empty() {
        fields.put("modules", Json::List(modules.into_iter().map(text).collect()));
    }
}

fn put_maps(config: &BuildConfig, fields: &mut Fields) {
    fields.put("order", set(&config.order));
    fields.put("preferh", set(config.preferh()));
    let ignored = config.ignoreh();
    fields.put("ignoreh", set(ignored.iter().map(String::as_str)));
    let conflicts = config.conflicth();
    let conflicts = conflicts.iter().map(|(package, others)| (package.as_str(), others));
    fields.put("conflicth", map(conflicts, |others| list(others.iter().map(String::as_str))));
    fields.put("fileprovides", map(config.fileprovides.iter(), list));
    fields.put("exportfilter", map(config.exportfilter.iter(), list));
    fields.put("optflags", map(config.optflags.iter(), |words| text(&words.join(" "))));
    let names = |words: TextSlice<'_>| list(words.iter().map(|word| Replacement::of_word(word).name));
    fields.put("substitute", map(config.substitute.iter(), names));
    fields.put(
        "substitute_vers",
        map(config.substitute.iter(), |words| {
            let pairs = words.iter().map(Replacement::of_word).flat_map(|value| {
                let mark = if value.keeps_version { text("=") } else { Json::Null };
                [text(value.name), mark]
            });
            Json::List(pairs.collect())
        }),
    );
}

fn put_scalars(config: &BuildConfig, fields: &mut Fields) {
    fields.put("arch", text(&config.arch));
    fields.put("rawmacros", text(&config.rawmacros));
    fields.put("type", text(&config.recipe_type));
    fields.put("binarytype", text(&config.binarytype));
    fields.put("release", optional(config.release.as_ref()));
    fields.put("singleexport", optional(config.singleexport.as_ref()));
    fields.put_some("target", config.target.as_ref());
    fields.put_some("hostarch", config.hostarch.as_ref());
    fields.put_some("releasesuffix", config.releasesuffix.as_ref());
    for (key, value, unset) in [
        ("buildengine", &config.buildengine, config.unset.buildengine),
        ("cicntstart", &config.cicntstart, config.unset.cicntstart),
        ("releaseprg", &config.releaseprg, config.unset.releaseprg),
    ] {
        if unset || value.is_some() {
            fields.put(key, optional(value.as_ref()));
        }
    }
    if let Some(words) = &config.release_by_type {
        fields.put("release@", list(words.iter().map(String::as_str)));
    }
}

impl Json {
    fn write(&self, indent: usize, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Text(text) => write_text(text, out),
            Self::List(values) if values.is_empty() => out.extend_from_slice(b"[]"),
            Self::Map(values) if values.is_empty() => out.extend_from_slice(b"{}"),
            Self::List(values) => {
                out.extend_from_slice(b"[\n");
                for (index, value) in values.iter().enumerate() {
                    start_entry(index, indent, out);
                    value.write(indent + 2, out);
                }
                end_entries(indent, b']', out);
            }
            Self::Map(values) => {
                out.extend_from_slice(b"{\n");
                for (index, (key, value)) in values.iter().enumerate() {
                    start_entry(index, indent, out);
                    write_text(key, out);
                    out.extend_from_slice(b": ");
                    value.write(indent + 2, out);
                }
                end_entries(indent, b'}', out);
            }
        }
    }
}

fn start_entry(index: usize, indent: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.extend_from_slice(b",\n");
    }
    out.resize(out.len() + indent + 2, b' ');
}

fn end_entries(indent: usize, bracket: u8, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.resize(out.len() + indent, b' ');
    out.push(bracket);
}

fn write_text(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..=0x1F | 0x7F => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

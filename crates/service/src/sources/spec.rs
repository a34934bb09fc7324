//! Makes the source of a spec file that was handed in alone, or with some of the files it names.

use std::collections::BTreeSet;

use model::{FailureCause, FileName, SourceFile, SourceSignature};
use pkg::RecipeKind;
use store::{OpenSource, SourceTree};
use url::Url;

use super::address;
use super::cause::invalid;
use super::handed::Handed;
use super::reconcile::{Made, Making, NotMade};
use super::remote::{self, Room};
use super::target_specs::{self, Named, Readings};
use crate::inner::Inner;

/// How often a spec file is read again because a file it takes in has come.
const ROUNDS: usize = 4;
/// Most files of one source.
const MOST_FILES: usize = 20_000;

/// Makes the source of a spec file that is here.
///
/// A file it names is taken from the upload, else from its own address, else from beside the spec file.
pub(super) async fn make(inner: &Inner, open: &OpenSource, handed: Handed) -> Making {
    Making { signature: Some(SourceSignature::Unsigned), end: complete(inner, open, handed).await }
}

async fn complete(inner: &Inner, open: &OpenSource, handed: Handed) -> Result<Made, NotMade> {
    let recipe = handed.file.name.clone();
    let mut gathering = Gathering::new(inner, open, handed)?;
    let readings = gathering.read(open, &recipe).await?;
    // Before anything more is fetched: a spec file without a name needs none of it.
    let (package, version) = readings.identity(&recipe)?;
    if readings.named.len() > MOST_FILES {
        return Err(invalid(recipe.as_str(), &format!("names more than {MOST_FILES} files")).into());
    }
    for named in readings.named.values() {
        gathering.bring(&recipe, named).await?;
    }
    let mut files = gathering.files;
    files.sort_by(|left, right| left.name.cmp(&right.name));
    let tree = SourceTree { recipe_file: recipe, recipe_kind: RecipeKind::Spec, files };
    Ok(Made { tree, package, version })
}

/// The files of a source so far.
struct Gathering<'a> {
    inner: &'a Inner,
    /// Where the spec file came from.
    url: Option<Url>,
    room: Room,
    files: Vec<SourceFile>,
    /// Names that are not beside the spec file.
    absent: BTreeSet<FileName>,
}

impl<'a> Gathering<'a> {
    fn new(inner: &'a Inner, open: &OpenSource, handed: Handed) -> Result<Self, NotMade> {
        let mut room = Room::new(inner.config.source_bytes);
        let uploads = open.uploads.iter().filter(|upload| upload.name != handed.file.name);
        let mut files: Vec<SourceFile> = uploads
            .map(|upload| SourceFile { name: upload.name.clone(), bytes: upload.bytes, sha256: upload.sha256 })
            .collect();
        files.push(handed.file);
        for file in &files {
            room.take(&file.name, file.bytes)?;
        }
        Ok(Self { inner, url: handed.url, room, files, absent: BTreeSet::new() })
    }

    /// Reads the spec file; again, if it takes in a file that can be had.
    async fn read(&mut self, open: &OpenSource, recipe: &FileName) -> Result<Readings, NotMade> {
        let mut rounds = 1;
        loop {
            let readings = target_specs::read(self.inner, open.build, recipe, &self.files).await?;
            let wanted = readings.wanted.iter().filter(|name| !self.absent.contains(*name));
            let wanted: Vec<FileName> = wanted.cloned().collect();
            if wanted.is_empty() || rounds >= ROUNDS {
                return Ok(readings);
            }
            for name in wanted {
                let named = readings.named.get(name.as_str());
                self.bring_if_there(recipe, &name, named).await?;
            }
            rounds += 1;
        }
    }

    /// Brings a file that the spec file takes in; one that is nowhere is left to the reader's finding.
    async fn bring_if_there(
        &mut self,
        recipe: &FileName,
        name: &FileName,
        named: Option<&Named>,
    ) -> Result<(), NotMade> {
        let brought = match (named, &self.url) {
            (Some(named), _) => self.bring(recipe, named).await,
            (None, Some(url)) => {
                let url = address::beside(url, name);
                let fetched = remote::fetch(self.inner, &mut self.room, name, url.as_str(), None).await;
                fetched.map(|file| self.files.push(file))
            }
            (None, None) => Ok(()),
        };
        self.absent.insert(name.clone());
        match brought {
            Err(NotMade::Cause(FailureCause::SourceMissing { .. })) => Ok(()),
            other => other,
        }
    }

    /// Brings a source or patch, unless it is here.
    async fn bring(&mut self, recipe: &FileName, named: &Named) -> Result<(), NotMade> {
        let name = named.file_name(recipe)?;
        if self.files.iter().any(|file| file.name == name) {
            return Ok(());
        }
        let beside = self.url.as_ref().map(|url| address::beside(url, &name).to_string());
        let Some(url) = named.url().map(str::to_owned).or(beside) else {
            let detail = format!("{} is {name}, which was not uploaded and has no address", named.tag);
            return Err(invalid(recipe.as_str(), &detail).into());
        };
        let file = remote::fetch(self.inner, &mut self.room, &name, &url, named.sha256).await?;
        self.files.push(file);
        Ok(())
    }
}

//! The fields of a project.

use std::collections::BTreeMap;

use model::ProjectSettings;
use service::ProjectKey;

use super::echoes;
use super::error::V3Error;
use super::form::Form;
use crate::app::App;
use crate::copr::names::{repository_in, repository_out};

/// What a request changes; `None` leaves things as they are.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Names of the enabled targets, all of them.
    pub(super) chroots: Option<Vec<String>>,
    description: Option<String>,
    instructions: Option<String>,
    homepage: Option<Option<String>>,
    contact: Option<Option<String>>,
    repositories: Option<Vec<String>>,
    runtime: Option<Vec<String>>,
    manual: Option<bool>,
    unlisted: Option<bool>,
    network: Option<bool>,
    persistent: Option<bool>,
    prune: Option<bool>,
    follow: Option<bool>,
    hotfixes: Option<bool>,
    delete_after_days: Option<i64>,
    priority: Option<i64>,
    echoes: BTreeMap<String, Option<String>>,
}

impl Changes {
    /// Reads the fields; `repositories` is the name of the one with further repositories.
    ///
    /// # Errors
    /// 400 that names what Kiln can not do.
    pub(super) fn parse(form: &mut Form, repositories: &str) -> Result<Self, V3Error> {
        refuse_what_is_not_there(form)?;
        let manual = form.boolean("disable_createrepo");
        let said = ["bootstrap", "isolation"].map(|name| (name.to_owned(), form.text(name)));
        Ok(Self {
            chroots: form.list("chroots"),
            description: form.text("description"),
            instructions: form.text("instructions"),
            homepage: form.web_address("homepage"),
            contact: contact(form),
            repositories: references(form, repositories),
            runtime: references(form, "runtime_dependencies"),
            manual: form.boolean("devel_mode").or(manual),
            unlisted: form.boolean("unlisted_on_hp"),
            network: form.boolean("enable_net"),
            persistent: form.boolean("persistent"),
            prune: form.boolean("auto_prune"),
            follow: form.boolean("follow_fedora_branching"),
            hotfixes: form.boolean("module_hotfixes"),
            delete_after_days: form.integer("delete_after_days", -1, 720),
            priority: form.integer("repo_priority", 1, 9999),
            echoes: said.into(),
        })
    }

    /// Settings with the changes.
    pub(super) fn applied(self, mut settings: ProjectSettings) -> ProjectSettings {
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        set(&mut settings.description, self.description);
        set(&mut settings.instructions, self.instructions);
        set(&mut settings.homepage, self.homepage);
        set(&mut settings.contact, self.contact);
        set(&mut settings.extra_repositories, self.repositories);
        set(&mut settings.runtime_repositories, self.runtime);
        set(&mut settings.publish, self.manual.map(|manual| !manual));
        set(&mut settings.unlisted, self.unlisted);
        set(&mut settings.network, self.network);
        set(&mut settings.persistent, self.persistent);
        set(&mut settings.keep_old_builds, self.prune.map(|prune| !prune));
        set(&mut settings.fixed_releases, self.follow.map(|follow| !follow));
        set(&mut settings.module_hotfixes, self.hotfixes);
        set(&mut settings.repository_priority, self.priority.map(|priority| u32::try_from(priority).ok()));
        // Less than zero means never.
        set(&mut settings.delete_after_days, self.delete_after_days.map(|days| u32::try_from(days).ok()));
        for (name, text) in self.echoes {
            match text.as_deref() {
                Some("default") => drop(settings.echoes.remove(&name)),
                Some(text) if !text.is_empty() => drop(settings.echoes.insert(name, text.to_owned())),
                _ => {}
            }
        }
        settings
    }
}

/// Settings of a project of which nothing was said.
pub(super) fn fresh() -> ProjectSettings {
    ProjectSettings { publish: true, ..ProjectSettings::default() }
}

fn refuse_what_is_not_there(form: &mut Form) -> Result<(), V3Error> {
    echoes::check(form)?;
    form.only("storage", &["", "backend"], "there is one store for all projects")?;
    form.never("multilib", "enable a chroot of the other architecture and use its repository")?;
    form.never("fedora_review", "run the review tool on the results")?;
    form.never("appstream", "repositories are published without application metadata")?;
    form.nothing("packit_forge_projects_allowed", "give the right to build to the user whose token the forge has")
}

/// A way to reach a person: a web or mail address, or nothing.
fn contact(form: &mut Form) -> Option<Option<String>> {
    let text = form.text("contact")?;
    if text.is_empty() {
        return Some(None);
    }
    let mail = text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
    let plain = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    if super::form::is_web_address(&text) || (mail && plain) {
        return Some(Some(text));
    }
    form.problem("contact", "Contact must be email or URL");
    None
}

fn references(form: &mut Form, name: &str) -> Option<Vec<String>> {
    Some(form.words(name)?.iter().map(|text| repository_in(text)).collect())
}

/// Says of projects in lists of repositories that they do not exist, under the names the lists have in Copr's forms.
///
/// # Errors
/// If the service fails.
pub(super) async fn check_repositories(app: &App, form: &mut Form, changes: &Changes) -> Result<(), V3Error> {
    let lists = [("repos", &changes.repositories), ("runtime_dependencies", &changes.runtime)];
    for (name, entries) in lists {
        for entry in entries.iter().flatten() {
            if !reference_exists(app, entry).await? {
                form.problem(name, format!("{} does not exist.", super::error::short(&repository_out(entry))));
            }
        }
    }
    Ok(())
}

/// Whether an entry of a list is not the name of a project, or of one that is there.
pub(super) async fn reference_exists(app: &App, entry: &str) -> Result<bool, V3Error> {
    let Some(project) = service::referenced_project(entry) else { return Ok(!entry.starts_with("copr://")) };
    match app.service.project_by_name(&project).await {
        Ok(_) => Ok(true),
        Err(service::ServiceError::ProjectMissing { project: ProjectKey::Name(_) }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The rule for names of projects.
pub(super) fn check_name(form: &mut Form, name: &str) {
    let letters = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    if name.is_empty() {
        return;
    }
    if !name.chars().all(letters) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        form.problem("name", "Name must contain only letters, digits, underscores, dashes and dots.");
    } else if name.bytes().all(|byte| byte.is_ascii_digit()) {
        form.problem("name", "Project's name can not be just number.");
    }
}

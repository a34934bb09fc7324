//! What forges post when something was pushed, read into what has changed. Each forge has its own shape, and sends many other
//! things to the same address: those change nothing.
//!
//! Rule: "Webhook events and payloads" of GitHub (Gitea and Forgejo send the same), "Webhook events" of GitLab, "Event
//! payloads" of Bitbucket Cloud.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use model::{ChangedPlace, SourceChange};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::error::short;

/// Most commits that GitHub lists: who lists so many may have left some out.
const MOST_COMMITS: usize = 2048;

/// A forge whose payloads name the repository that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forge {
    GitHub,
    GitLab,
    Bitbucket,
}

impl Forge {
    /// The forge of a word in an address.
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "github" => Some(Self::GitHub),
            "gitlab" => Some(Self::GitLab),
            "bitbucket" => Some(Self::Bitbucket),
            _ => None,
        }
    }

    /// The changes a request tells of; none, if it tells of something else.
    ///
    /// # Errors
    /// What is wrong with the payload, if it is not one of this forge.
    pub(super) fn changes(self, headers: &HeaderMap, body: &[u8]) -> Result<Vec<SourceChange>, String> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let (name, wanted): (&str, &[&str]) = match self {
            Self::GitHub => ("x-github-event", &["push", "create"]),
            Self::GitLab => ("x-gitlab-event", &["Push Hook", "Tag Push Hook", "System Hook"]),
            Self::Bitbucket => ("x-event-key", &["repo:push"]),
        };
        if header(name).is_some_and(|event| !wanted.contains(&event)) {
            return Ok(Vec::new());
        }
        let is_form =
            header(CONTENT_TYPE.as_str()).is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let form = if is_form { payload_of_form(body) } else { None };
        let json = form.as_ref().map_or(body, String::as_bytes);
        Ok(match self {
            Self::GitHub => read::<GitHubPush>(json)?.change().into_iter().collect(),
            Self::GitLab => read::<GitLabPush>(json)?.change().into_iter().collect(),
            Self::Bitbucket => read::<BitbucketPush>(json)?.changes(),
        })
    }
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| format!("the payload can not be read: {}", short(&error.to_string())))
}

/// GitHub can be told to send its payload as the field of a form.
fn payload_of_form(body: &[u8]) -> Option<String> {
    form_urlencoded::parse(body).find(|(name, _)| name == "payload").map(|(_, value)| value.into_owned())
}

/// What a ref is the name of.
fn place_of(name: &str, default: Option<String>) -> ChangedPlace {
    if name.is_empty() {
        ChangedPlace::Somewhere
    } else if let Some(tag) = name.strip_prefix("refs/tags/") {
        ChangedPlace::Tag(tag.to_owned())
    } else {
        ChangedPlace::Branch { name: name.strip_prefix("refs/heads/").unwrap_or(name).to_owned(), default }
    }
}

/// The revision of what is no more.
fn is_nothing(revision: Option<&str>) -> bool {
    revision.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte == b'0'))
}

/// The files of one commit; `None` for lists that are not there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Commit {
    added: Option<Vec<String>>,
    modified: Option<Vec<String>>,
    removed: Option<Vec<String>>,
}

/// Every file of some commits; `None` if there are none, if one of them does not say, or if there are more.
fn files(commits: Vec<Commit>, all: usize) -> Option<Vec<String>> {
    if commits.is_empty() || commits.len() < all || commits.len() >= MOST_COMMITS {
        return None;
    }
    let mut files = Vec::new();
    for Commit { added, modified, removed } in commits {
        if added.is_none() && modified.is_none() && removed.is_none() {
            return None;
        }
        files.extend([added, modified, removed].into_iter().flatten().flatten());
    }
    Some(files)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GitHubPush {
    #[serde(rename = "ref")]
    name: Option<String>,
    ref_type: Option<String>,
    deleted: Option<bool>,
    after: Option<String>,
    commits: Option<Vec<Commit>>,
    repository: GitHubRepository,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GitHubRepository {
    clone_url: Option<String>,
    html_url: Option<String>,
    default_branch: Option<String>,
}

impl GitHubPush {
    fn change(self) -> Option<SourceChange> {
        let name = self.name.unwrap_or_default();
        let place = match self.ref_type.as_deref() {
            Some("tag") => ChangedPlace::Tag(name),
            // A new branch without commits of its own; those come with a push.
            Some(_) => return None,
            None => place_of(&name, self.repository.default_branch),
        };
        let addresses = [self.repository.clone_url, self.repository.html_url].into_iter().flatten().collect();
        let is_gone = self.deleted == Some(true) || is_nothing(self.after.as_deref());
        (!is_gone).then(|| SourceChange { addresses, place, files: files(self.commits.unwrap_or_default(), 0) })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GitLabPush {
    object_kind: Option<String>,
    #[serde(rename = "ref")]
    name: Option<String>,
    after: Option<String>,
    commits: Option<Vec<Commit>>,
    total_commits_count: Option<usize>,
    project: GitLabProject,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GitLabProject {
    git_http_url: Option<String>,
    http_url: Option<String>,
    web_url: Option<String>,
    default_branch: Option<String>,
}

impl GitLabPush {
    fn change(self) -> Option<SourceChange> {
        let is_push = self.object_kind.as_deref().is_none_or(|kind| kind == "push" || kind == "tag_push");
        let GitLabProject { git_http_url, http_url, web_url, default_branch } = self.project;
        let place = place_of(&self.name.unwrap_or_default(), default_branch);
        let addresses = [git_http_url, http_url, web_url].into_iter().flatten().collect();
        let files = files(self.commits.unwrap_or_default(), self.total_commits_count.unwrap_or_default());
        (is_push && !is_nothing(self.after.as_deref())).then_some(SourceChange { addresses, place, files })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BitbucketPush {
    push: BitbucketChanges,
    repository: BitbucketRepository,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BitbucketChanges {
    changes: Vec<BitbucketChange>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BitbucketChange {
    new: Option<BitbucketRef>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BitbucketRef {
    #[serde(rename = "type")]
    kind: String,
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BitbucketRepository {
    links: BitbucketLinks,
    mainbranch: Option<BitbucketRef>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BitbucketLinks {
    html: BitbucketLink,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct BitbucketLink {
    href: Option<String>,
}

impl BitbucketPush {
    /// Bitbucket never says which files have changed.
    fn changes(self) -> Vec<SourceChange> {
        let addresses: Vec<String> = self.repository.links.html.href.into_iter().collect();
        let default = self.repository.mainbranch.map(|branch| branch.name);
        let change = |found: BitbucketRef| {
            let place = match found.kind.as_str() {
                "tag" | "annotated_tag" => ChangedPlace::Tag(found.name),
                _ => ChangedPlace::Branch { name: found.name, default: default.clone() },
            };
            SourceChange { addresses: addresses.clone(), place, files: None }
        };
        self.push.changes.into_iter().filter_map(|change| change.new).map(change).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn changes(forge: Forge, event: &str, payload: &Value) -> Vec<SourceChange> {
        let mut headers = HeaderMap::new();
        let name = match forge {
            Forge::GitHub => "x-github-event",
            Forge::GitLab => "x-gitlab-event",
            Forge::Bitbucket => "x-event-key",
        };
        if !event.is_empty() {
            headers.insert(name, event.parse().unwrap());
        }
        forge.changes(&headers, payload.to_string().as_bytes()).unwrap()
    }

    fn branch(name: &str, default: Option<&str>) -> ChangedPlace {
        ChangedPlace::Branch { name: name.to_owned(), default: default.map(str::to_owned) }
    }

    #[test]
    fn github_tells_of_branches_and_tags_with_their_files() {
        let repository = json!({"clone_url": "https://f.example/a/b.git", "html_url": "https://f.example/a/b",
            "default_branch": "main", "full_name": "a/b"});
        let commit = |files: Value| json!({"id": "1", "added": [], "removed": [], "modified": files});
        let push = json!({"ref": "refs/heads/next", "after": "12", "deleted": false, "repository": repository,
            "commits": [commit(json!(["a/x"])), commit(json!(["b"]))]});
        let found = changes(Forge::GitHub, "push", &push);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].addresses, ["https://f.example/a/b.git", "https://f.example/a/b"]);
        assert_eq!(found[0].place, branch("next", Some("main")));
        assert_eq!(found[0].files, Some(vec!["a/x".to_owned(), "b".to_owned()]));

        let tag = json!({"ref": "refs/tags/hello-1-1", "after": "12", "commits": [], "repository": repository});
        assert_eq!(changes(Forge::GitHub, "push", &tag)[0].place, ChangedPlace::Tag("hello-1-1".to_owned()));
        let tag = json!({"ref": "hello-1-1", "ref_type": "tag", "repository": repository});
        assert_eq!(changes(Forge::GitHub, "create", &tag)[0].place, ChangedPlace::Tag("hello-1-1".to_owned()));
        assert_eq!(changes(Forge::GitHub, "create", &tag)[0].files, None);

        let created = json!({"ref": "next", "ref_type": "branch", "repository": repository});
        assert_eq!(changes(Forge::GitHub, "create", &created), []);
        let deleted = json!({"ref": "refs/heads/next", "deleted": true, "repository": repository});
        assert_eq!(changes(Forge::GitHub, "push", &deleted), []);
        for event in ["ping", "issues", "pull_request"] {
            assert_eq!(changes(Forge::GitHub, event, &push), [], "{event}");
        }
    }

    #[test]
    fn gitlab_tells_how_many_commits_it_leaves_out() {
        let push = |count: u32, after: &str, kind: &str| {
            json!({"object_kind": kind, "ref": "refs/heads/main", "after": after, "total_commits_count": count,
                "commits": [{"added": ["a"], "modified": [], "removed": ["b"]}],
                "project": {"git_http_url": "https://g.example/a/b.git", "default_branch": "main",
                    "git_ssh_url": "git@g.example:a/b.git", "web_url": "https://g.example/a/b"}})
        };
        let found = changes(Forge::GitLab, "Push Hook", &push(1, "12", "push"));
        assert_eq!(found[0].place, branch("main", Some("main")));
        assert_eq!(found[0].files, Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(changes(Forge::GitLab, "Push Hook", &push(21, "12", "push"))[0].files, None);
        assert_eq!(changes(Forge::GitLab, "Push Hook", &push(0, &"0".repeat(40), "push")), []);
        assert_eq!(changes(Forge::GitLab, "", &push(1, "12", "merge_request")), []);
        assert_eq!(changes(Forge::GitLab, "Note Hook", &push(1, "12", "push")), []);
        let tag =
            json!({"object_kind": "tag_push", "ref": "refs/tags/v1", "after": "12", "commits": [], "project": {}});
        assert_eq!(changes(Forge::GitLab, "Tag Push Hook", &tag)[0].place, ChangedPlace::Tag("v1".to_owned()));
    }

    #[test]
    fn bitbucket_tells_of_several_changes_at_once() {
        let push = json!({"push": {"changes": [
                {"new": {"type": "branch", "name": "main", "target": {}}, "old": null},
                {"new": {"type": "tag", "name": "hello-1-1"}},
                {"new": null, "old": {"type": "branch", "name": "gone"}}]},
            "repository": {"full_name": "a/b", "links": {"html": {"href": "https://bb.example/a/b"}}}});
        let found = changes(Forge::Bitbucket, "repo:push", &push);
        let places: Vec<&ChangedPlace> = found.iter().map(|change| &change.place).collect();
        assert_eq!(places, [&branch("main", None), &ChangedPlace::Tag("hello-1-1".to_owned())]);
        assert!(found.iter().all(|change| change.addresses == ["https://bb.example/a/b"] && change.files.is_none()));
        assert_eq!(changes(Forge::Bitbucket, "repo:fork", &push), []);
    }

    #[test]
    fn files_count_only_if_all_of_them_are_known() {
        let commit = |text: &str| serde_json::from_str::<Commit>(text).unwrap();
        assert_eq!(files(vec![commit("{\"added\": [\"a\"]}"), commit("{}")], 0), None);
        assert_eq!(files(vec![commit("{\"added\": [\"a\"]}")], 0), Some(vec!["a".to_owned()]));
        assert_eq!(files(Vec::new(), 0), None);
        assert_eq!(files((0..MOST_COMMITS).map(|_| commit("{\"added\": []}")).collect(), 0), None);
    }

    #[test]
    fn a_payload_in_a_form_is_the_same() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "application/x-www-form-urlencoded".parse().unwrap());
        let body = b"payload=%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%7D";
        assert_eq!(Forge::GitHub.changes(&headers, body).unwrap()[0].place, branch("main", None));
    }

    #[test]
    fn hostile_payloads_are_refused_in_words() {
        let deep = format!("{{\"repository\": {}1{}}}", "[".repeat(5000), "]".repeat(5000));
        let wrong = ["", "{\"ref\": 1}", "{\"commits\": [{\"added\": [1]}]}", "{\"ref\": \"\\ud800\"}", &deep];
        for payload in wrong {
            let refused = Forge::GitHub.changes(&HeaderMap::new(), payload.as_bytes()).unwrap_err();
            assert!(refused.starts_with("the payload can not be read: ") && refused.len() < 300, "{refused}");
        }
    }
}

use model::BuildSource;
use store::OpenSource;

use super::job::Delegation;
use super::reconcile::{Making, NotMade};
use super::{dsc, handed, job, spec, srpm};
use crate::formats::Submission;
use crate::inner::Inner;
use crate::trees;

/// Makes the source of a build: every file is a blob afterwards.
pub(super) async fn make(inner: &Inner, open: &OpenSource) -> Making {
    if store::services_of(&open.source).is_some() {
        return Making { signature: None, end: Err(services(inner, open).await) };
    }
    match &open.source {
        BuildSource::Job { .. } => match job::files(inner, open).await {
            // Read as if somebody had uploaded it: what is believed of a source does not depend on who made it.
            Ok(uploads) => read(inner, &OpenSource { uploads, ..open.clone() }).await,
            Err(not_made) => Making { signature: None, end: Err(not_made) },
        },
        BuildSource::Url { .. } | BuildSource::Upload { .. } | BuildSource::Revision { .. } => read(inner, open).await,
    }
}

/// What a job that runs services has to do, or has made.
async fn services(inner: &Inner, open: &OpenSource) -> NotMade {
    if let Some(made) = &open.made {
        return NotMade::Served(made.clone());
    }
    match trees::delegation(inner, open).await {
        Ok(Ok((target, job))) => NotMade::Job(Box::new(Delegation { target, job })),
        Ok(Err(cause)) => NotMade::Cause(cause),
        Err(error) => NotMade::Broken(error),
    }
}

/// Makes the source of a file that is handed in.
async fn read(inner: &Inner, open: &OpenSource) -> Making {
    match handed::get(inner, open).await {
        Ok((Submission::Dsc, file)) => dsc::make(inner, open, file).await,
        Ok((Submission::SourceRpm, file)) => srpm::make(inner, open, file).await,
        Ok((Submission::Spec, file)) => spec::make(inner, open, file).await,
        Err(not_made) => Making { signature: None, end: Err(not_made) },
    }
}

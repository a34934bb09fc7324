//! Builds that are submitted together are built in the order of what they need of each other.

use model::{BuildId, TriggerPolicy};
use service::BuildOrder;

use crate::changes::{Bed, bed};
use crate::kit::refusal;

async fn verdict(bed: &Bed, build: BuildId) -> String {
    bed.world.task(build).await.verdict.map(|verdict| verdict.to_string()).unwrap_or_default()
}

/// `name: fields` of each build, submitted in this order.
async fn submit(bed: &Bed, builds: &[(&str, &str)]) -> Vec<BuildId> {
    let size = u32::try_from(builds.len()).unwrap();
    let mut ids: Vec<BuildId> = Vec::new();
    for (name, fields) in builds {
        let order = BuildOrder::Ordered { with: ids.first().copied(), size };
        ids.push(bed.submit_in(name, fields, order).await);
    }
    ids
}

#[tokio::test]
async fn dependencies_are_built_first_whatever_order_they_were_submitted_in() {
    let mut bed = bed("", TriggerPolicy::OnRequest).await;
    let builds = [("c", "Build-Depends: b\n"), ("b", "Build-Depends: a\n"), ("a", "")];
    let ids = submit(&bed, &builds).await;
    bed.reconcile().await;
    assert_eq!(verdict(&bed, ids[0]).await, "blocked by b");
    assert_eq!(bed.settle().await, "a b c");
    assert!(bed.world.service.order_findings(ids[0]).await.unwrap().is_empty());
}

#[tokio::test]
async fn nothing_begins_before_the_submission_is_complete_or_an_hour_is_over() {
    let mut bed = bed("", TriggerPolicy::OnRequest).await;
    let first = bed.submit_in("a", "", BuildOrder::Ordered { with: None, size: 3 }).await;
    bed.reconcile().await;
    assert_eq!(verdict(&bed, first).await, "waits for 2 of 3 builds of its submission to come");
    let order = BuildOrder::Ordered { with: Some(first), size: 3 };
    bed.submit_in("b", "Build-Depends: a\n", order).await;
    bed.reconcile().await;
    assert_eq!(verdict(&bed, first).await, "waits for 1 of 3 builds of its submission to come");
    assert_eq!(bed.settle().await, "");
    bed.world.advance(std::time::Duration::from_secs(3601));
    assert_eq!(bed.settle().await, "a b");
}

#[tokio::test]
async fn a_cycle_is_broken_where_something_can_be_built_and_named() {
    let mut bed = bed("P: other\n", TriggerPolicy::OnRequest).await;
    let ids = submit(&bed, &[("a", "Build-Depends: b\n"), ("b", "Build-Depends: other | a\n")]).await;
    let built = bed.settle().await;
    assert_eq!(built, "b a", "{:?}", bed.world.task(ids[0]).await);
    let found = bed.world.service.order_findings(ids[0]).await.unwrap();
    assert_eq!(found, ["b, a need each other: b is built before a, with what there is of that"]);
}

#[tokio::test]
async fn an_ordered_submission_is_joined_only_by_its_own() {
    let bed = bed("", TriggerPolicy::OnRequest).await;
    let free = bed.submit_in("a", "", BuildOrder::Free).await;
    let new = |order| service::NewBuild {
        project: bed.project,
        source: service::NewSource::Url("http://example.org/a_1.dsc".to_owned()),
        targets: None,
        network: None,
        limits: None,
        queue: service::QueueWish { background: false, order },
    };
    let joined = new(BuildOrder::Ordered { with: Some(free), size: 2 });
    let (_, words) = refusal(bed.world.service.submit(&bed.user, joined).await);
    assert!(words.contains("does not belong to one"), "{words}");
    let (_, words) =
        refusal(bed.world.service.submit(&bed.user, new(BuildOrder::Ordered { with: None, size: 0 })).await);
    assert!(words.contains("not between 1 and"), "{words}");
    let first = bed.submit_in("b", "", BuildOrder::Ordered { with: None, size: 2 }).await;
    let stranger = bed.world.user("bob").await;
    let own = bed.world.project(&stranger, "own").await;
    let joined = service::NewBuild { project: own, ..new(BuildOrder::Ordered { with: Some(first), size: 2 }) };
    assert!(bed.world.service.submit(&stranger, joined).await.is_err());
}

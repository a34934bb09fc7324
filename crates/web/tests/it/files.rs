//! Results and repositories.

use crate::kit::World;

#[tokio::test]
async fn the_result_folder_of_a_task_is_where_copr_says() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let build = world.build(project).await;
    world.prepare(build).await;
    let job = world.claim().await;
    world.log(job, "building <b>\n");
    let task = world.get(&format!("/api_2/build_tasks/{build}/debian-12-x86_64")).await.json();
    let folder = task["build_task"]["result_dir_url"].as_str().unwrap().strip_prefix(&world.base).unwrap().to_owned();
    let listed = world.get(&folder).await;
    assert_eq!((listed.status, listed.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(listed.text().contains("href=\"./builder-live.log\""), "{}", listed.text());
    assert!(!listed.text().contains("success"));
    let log = world.get(&format!("{folder}builder-live.log")).await;
    assert!(log.text().contains("building <b>"));
    assert_eq!(log.header("content-type"), Some("text/plain; charset=utf-8"));
    world.succeed(job, b"package").await;
    let listed = world.get(&folder).await.text();
    for name in ["hello_2.10-3_amd64.deb", "success", "results.json", "build.info", "backend.log"] {
        assert!(listed.contains(&format!("href=\"./{name}\"")), "{name} in {listed}");
        assert_eq!(world.get(&format!("{folder}{name}")).await.status, 200, "{name}");
    }
    assert_eq!(world.get(&format!("{folder}hello_2.10-3_amd64.deb")).await.body, b"package");
    let part =
        world.send(world.request("GET", &format!("{folder}hello_2.10-3_amd64.deb")).header("range", "bytes=-3")).await;
    assert_eq!(
        (part.status, part.header("content-range"), part.body.as_slice()),
        (206, Some("bytes 4-6/7"), b"age".as_slice())
    );
    let none =
        world.send(world.request("GET", &format!("{folder}hello_2.10-3_amd64.deb")).header("range", "bytes=7-")).await;
    assert_eq!((none.status, none.header("content-range")), (416, Some("bytes */7")));
}

#[tokio::test]
async fn folders_lead_down_to_the_results() {
    let world = World::new().await;
    let project = world.project("p1").await;
    let build = world.build(project).await;
    world.prepare(build).await;
    world.claim().await;
    let mut path = "/results/".to_owned();
    for next in ["alice", "p1", "debian-12-x86_64", &format!("{build:08}-hello")] {
        let listed = world.get(&path).await.text();
        assert!(listed.contains(&format!("href=\"./{next}/\"")), "{next} in {listed}");
        path += &format!("{next}/");
    }
    let bare = world.get(path.trim_end_matches('/')).await;
    assert_eq!((bare.status, bare.header("location")), (308, Some(path.as_str())));
    assert_eq!(world.get("/results/alice/p1/debian-12-x86_64/00000099-hello/").await.status, 404);
    assert_eq!(world.get("/results/bob/p1/").await.status, 404);
}

use axum::http::header;

use crate::server::Server;

#[tokio::test]
async fn pages() {
    let server = Server::theatre().await;
    let answer =
        server.get("/entities?limit=2&offset=1&order=asc:metadata.name&fields=metadata.name,kind").await;
    insta::assert_snapshot!("page", answer.snapshot());

    let mut path = "/entities?limit=4&filter=kind=component,kind=api,kind=user,kind=group".to_owned();
    let mut names = Vec::new();
    loop {
        let answer = server.get(&path).await;
        names.push(answer.names());
        let Some(link) = answer.header(header::LINK) else { break };
        path = link.split(['<', '>']).nth(1).unwrap().to_owned();
    }
    assert_eq!(names, [vec!["cues", "Lights", "curtain", "stagehands"], vec!["ada"]]);

    assert_eq!(server.names("/entities?offset=5").await, ["ada"]);
    assert_eq!(server.names("/entities?offset=500").await, Vec::<String>::new());
    let after = server.get("/entities?limit=1&order=asc:metadata.name&after=e30%3D").await;
    assert_eq!((after.names().len(), after.header(header::LINK)), (6, None));
}

#[tokio::test]
async fn everything() {
    let server = Server::theatre().await;
    let answer = server.get("/entities").await;
    assert_eq!(answer.names().len(), 6);
    assert_eq!(answer.header(header::ETAG), None);
    let names =
        server.names("/entities?order=desc:METADATA.name&filter=kind=component&filter=kind=user").await;
    assert_eq!(names, ["Lights", "curtain", "ada"]);
    assert_eq!(server.names("/entities?order=asc:metadata.title").await, ["stagehands", "Lights"]);

    let projected = server.get("/entities?fields=kind&filter=metadata.title&order=asc:metadata.name").await;
    assert_eq!(projected.text(), r#"[{"kind":"Component"},{"kind":"Group"}]"#);
    assert_eq!(projected.header(header::ETAG), None);

    let nothing = server.get("/entities?filter=kind=nope").await;
    assert_eq!((nothing.text().as_str(), nothing.header(header::ETAG).is_some()), ("[]", true));
}

#[tokio::test]
async fn refused() {
    let server = Server::theatre().await;
    let cases = [
        ("limit=0", "400 InputError: Invalid limit, must be greater than zero"),
        ("after=x", "400 InputError: Malformed after cursor, could not be parsed"),
        (
            "order=up:x",
            "400 InputError: Invalid order parameter \"up:x\", expected \"<asc or desc>:<field name>\"",
        ),
        (
            "filter==foo",
            "400 InputError: Invalid filter, '=foo' is not a valid statement (expected a string on the form a=b or a= or a)",
        ),
        (
            "fields=metadata.tags[0]",
            "400 InputError: Invalid field \"metadata.tags[0]\", array type fields are not supported",
        ),
        ("bogus=1", "400 InputError: Unknown query parameter 'bogus'"),
    ];
    for (query, expected) in cases {
        assert_eq!(server.get(&format!("/entities?{query}")).await.brief(), expected, "{query}");
    }
}

use axum::http::Method;

use crate::server::Server;

#[tokio::test]
async fn by_name_in_any_case() {
    let server = Server::theatre().await;
    insta::assert_snapshot!(
        "found",
        server.get("/entities/by-name/component/default/lights").await.snapshot()
    );
    for path in ["Component/DEFAULT/Lights", "component/default/l%69ghts", "component/default/lights/"] {
        assert_eq!(server.get(&format!("/entities/by-name/{path}")).await.status, 200, "{path}");
    }
    insta::assert_snapshot!(
        "missing",
        server.get("/entities/by-name/Component/default/Nope").await.snapshot()
    );
    assert_eq!(server.get("/entities/by-name/component/default/%E0%A4%A").await.status, 400);
    assert_eq!(
        server.get("/entities/by-name/a/b%2Fc/d").await.brief(),
        "404 NotFoundError: No entity named 'd' found, with kind 'a' in namespace 'b/c'"
    );
    assert_eq!(
        server.get("/entities/by-name/a/b/c?x=1").await.brief(),
        "400 InputError: Unknown query parameter 'x'"
    );
}

#[tokio::test]
async fn by_uid() {
    let server = Server::theatre().await;
    let uid = server.uid("user:default/ada");
    let path = format!("/entities/by-uid/{uid}");
    assert_eq!(server.get(&path).await.json()["metadata"]["name"], "ada");
    assert_eq!(server.get(&format!("/entities/by-uid/{}", uid.to_uppercase())).await.status, 200);
    assert_eq!(
        server.get("/entities/by-uid/nope").await.brief(),
        "404 NotFoundError: No entity with uid nope"
    );

    let deleted = server.request(Method::DELETE, &path, None).await;
    assert_eq!((deleted.status.as_u16(), deleted.text().as_str()), (204, ""));
    assert_eq!(server.get(&path).await.status, 404);
    for unknown in [path.as_str(), "/entities/by-uid/nope"] {
        assert_eq!(server.request(Method::DELETE, unknown, None).await.status, 204, "{unknown}");
    }
}

#[tokio::test]
async fn ancestry() {
    let server = Server::theatre().await;
    let answer = server.get("/entities/by-name/Component/default/Lights/ancestry").await;
    insta::assert_snapshot!("ancestry", answer.snapshot());
    let unknown = server.get("/entities/by-name/component/default/nope/ancestry").await;
    assert_eq!(unknown.brief(), "404 NotFoundError: No such entity component:default/nope");
}

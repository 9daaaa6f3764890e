//! One entity through everything, down to the bytes that clients get.

use callboard_model::{FieldFormatValidators, KindRegistry, KindValidation, policy, sort_relation_lists};
use serde_json::json;

use crate::fixtures::document;

#[test]
fn keys_come_in_the_order_clients_know() {
    let mut entity = document(json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": "Web-Site",
            "title": "The Site",
            "labels": { "example.com/tier": "gold" },
            "tags": ["java", "a:b"],
            "links": [{ "url": "https://example.com", "title": "Home" }],
        },
        "spec": {
            "type": "website", "lifecycle": "production", "owner": "guests", "system": "examples",
            "providesApis": ["z-api", "a-api"], "dependsOn": ["resource:db", "component:other"],
        },
    }));
    let kinds = KindRegistry::catalog();

    sort_relation_lists(&mut entity);
    entity.add_default_annotations(&[
        ("backstage.io/managed-by-location", "file:/data/all.yaml"),
        ("backstage.io/managed-by-origin-location", "file:/data/all.yaml"),
    ]);
    policy::check_schema(&entity).unwrap();
    policy::default_namespace(&mut entity);
    policy::no_foreign_root_fields(&entity).unwrap();
    policy::check_field_format(&entity, &FieldFormatValidators::default()).unwrap();
    assert_eq!(kinds.validate(&entity), Ok(KindValidation::Valid));

    let own_ref = entity.entity_ref();
    let mut relations: Vec<(String, String)> = kinds
        .relations(&entity)
        .unwrap()
        .into_iter()
        .filter(|relation| relation.source.to_entity_ref() == own_ref)
        .map(|relation| (relation.relation_type, relation.target.to_entity_ref().to_string()))
        .collect();
    relations.sort();
    let relations = relations
        .into_iter()
        .map(|(relation_type, target_ref)| json!({ "type": relation_type, "targetRef": target_ref }))
        .collect();
    entity.set_uid("222e4c30-1b73-43e2-a135-3163c07713f4");
    entity.set_field("relations", relations).unwrap();
    let etag = entity.content_hash();
    entity.set_etag(&etag);

    assert_eq!(
        String::from_utf8(entity.to_json_bytes()).unwrap(),
        r#"{"metadata":{"namespace":"default","annotations":{"backstage.io/managed-by-location":"file:/data/all.yaml","backstage.io/managed-by-origin-location":"file:/data/all.yaml"},"name":"Web-Site","title":"The Site","labels":{"example.com/tier":"gold"},"tags":["java","a:b"],"links":[{"url":"https://example.com","title":"Home"}],"uid":"222e4c30-1b73-43e2-a135-3163c07713f4","etag":"5cba4af830b3637a2574c45e04f83fea27a6d5c3"},"apiVersion":"backstage.io/v1alpha1","kind":"Component","spec":{"type":"website","lifecycle":"production","owner":"guests","system":"examples","providesApis":["a-api","z-api"],"dependsOn":["component:other","resource:db"]},"relations":[{"type":"dependsOn","targetRef":"component:default/other"},{"type":"dependsOn","targetRef":"resource:default/db"},{"type":"ownedBy","targetRef":"group:default/guests"},{"type":"partOf","targetRef":"system:default/examples"},{"type":"providesApi","targetRef":"api:default/a-api"},{"type":"providesApi","targetRef":"api:default/z-api"}]}"#
    );
}

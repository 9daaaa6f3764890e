use callboard_store::{LocationId, NewClaim};
use rstest::rstest;

use super::*;

fn claim(name: &str, key: Option<&str>) -> NewClaim {
    let document = format!(
        r#"{{"apiVersion":"backstage.io/v1alpha1","kind":"Component","metadata":{{"name":"{name}","annotations":{{"z":"1\n2","a":"ü"}}}},"spec":{{"size":1.50}}}}"#
    );
    imported_claim(document.as_bytes(), key.map(LocationKey::new)).unwrap()
}

fn entities() -> [CarriedEntity; 2] {
    let claimed = claim("a", Some("url:x"));
    let orphan = claim("b", None);
    let source = |text: &str| ClaimSource::Entity(EntityRef::parse_canonical(text).unwrap());
    [
        CarriedEntity {
            entity_ref: claimed.entity_ref.clone(),
            uid: Uid::from_bytes([1; 16]),
            claims: vec![
                CarriedClaim {
                    source: ClaimSource::Provider(ProviderName::new("p")),
                    claim: claimed.clone(),
                },
                CarriedClaim { source: source("location:default/l"), claim: claim("a", None) },
            ],
            orphaned: None,
        },
        CarriedEntity {
            entity_ref: orphan.entity_ref,
            uid: Uid::from_bytes([2; 16]),
            claims: Vec::new(),
            orphaned: Some(LastClaim { location_key: None, document: orphan.document }),
        },
    ]
}

fn file() -> String {
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file).unwrap();
    let location = RegisteredLocation {
        id: LocationId::from_bytes([3; 16]),
        location_type: "url".to_owned(),
        target: "https://host.example/\n".to_owned(),
        entity_ref: EntityRef::parse_canonical("location:default/l").unwrap(),
    };
    writer.location(location).unwrap();
    for entity in entities() {
        writer.entity(&entity).unwrap();
    }
    writer.finish().unwrap();
    String::from_utf8(file).unwrap()
}

fn read(text: &str) -> Result<Vec<Item>> {
    let mut reader = Reader::new(text.as_bytes())?;
    let mut items = Vec::new();
    while let Some(item) = reader.next()? {
        items.push(item);
    }
    Ok(items)
}

#[test]
fn what_is_written_is_read() {
    let text = file();
    assert_eq!(text.lines().count(), 5, "{text}");
    let items = read(&text).unwrap();
    let [first, second] = entities();
    assert_eq!(items[1..], [Item::Entity(first), Item::Entity(second)]);
    let Item::Location(location) = &items[0] else { panic!("{items:?}") };
    assert_eq!(location.entity_ref.as_deref(), Some("location:default/l"));
}

type Damage = fn(&str) -> String;

#[rstest]
#[case::a_letter(|text: &str| text.replace("\"ü\"", "\"u\""), "line 5: its hash is not that of the lines before it")]
#[case::a_line_less(
    |text: &str| text.split_inclusive('\n').filter(|line| !line.starts_with("{\"location\":")).collect(),
    "line 4: there should be 1 locations and 2 entities before it, and there are 0 and 2"
)]
#[case::no_end(|text: &str| text[..text.rfind("{\"end").unwrap()].to_owned(), "line 5: the file is cut short")]
#[case::half_a_line(|text: &str| text[..text.rfind("orphan").unwrap()].to_owned(), "line 4: the file is damaged")]
#[case::two_in_one(|text: &str| format!("{text}{text}"), "line 6: there is something after the end")]
#[case::another_line(|text: &str| text.replace("{\"entity\":{", "{\"thing\":{"), "line 3: the file is damaged")]
#[case::another_entity(
    |text: &str| text.replace("\"ref\":\"component:default/a\"", "\"ref\":\"component:default/c\""),
    "a document of component:default/c is of component:default/a"
)]
#[case::no_uid(|text: &str| text.replace("01010101-", "x"), "is no uid")]
#[case::no_claim(|text: &str| text.replace("\"orphan\":", "\"orphaned\":"), "line 4: the file is damaged")]
#[case::no_source(|text: &str| text.replace("\"provider\":\"p\",", ""), "is not by one provider or one entity")]
fn what_is_damaged_is_refused(#[case] damage: Damage, #[case] expected: &str) {
    let damaged = damage(&file());
    assert_ne!(damaged, file());
    let error = format!("{:#}", read(&damaged).unwrap_err());
    assert!(error.contains(expected) && error.contains(DAMAGED), "{error}");
}

//! Queries of `database::exclusion_list_entries`.

use database::exclusion_list_entries;
use database::exclusion_list_entries::NewExclusionListEntry;
use entity::enums::{ContactState, ExclusionSource};
use sea_orm::Set;
use tests::factory::T;
use tests::queries::{contact, import, not_found, pages, running_campaign, violates};

#[tokio::test]
async fn a_number_is_excluded_once_and_keeps_its_first_reason() {
    let t = T::new().await;
    let tx = t.customer().await;
    let new = |reason: &str| NewExclusionListEntry {
        phone_number: "+14155550199".to_owned(),
        reason: Some(reason.to_owned()),
        source: ExclusionSource::Api,
    };
    assert_eq!(exclusion_list_entries::find_by_phone_number(&tx, "+14155550199").await.unwrap(), None);
    let first = exclusion_list_entries::add(&tx, new("asked for it")).await.unwrap();
    assert_eq!(exclusion_list_entries::add(&tx, new("legal hold")).await.unwrap(), first);
    assert_eq!(first.reason.as_deref(), Some("asked for it"));
    assert_eq!(
        exclusion_list_entries::find_by_phone_number(&tx, "+14155550199").await.unwrap().as_ref(),
        Some(&first)
    );
    exclusion_list_entries::remove(&tx, first.id).await.unwrap();
    assert_eq!(exclusion_list_entries::find_by_phone_number(&tx, "+14155550199").await.unwrap(), None);
    assert_eq!(exclusion_list_entries::remove(&tx, first.id).await, not_found("exclusion list entry"));
    let garbage = NewExclusionListEntry { phone_number: "DELETED".to_owned(), ..new("") };
    assert_eq!(
        exclusion_list_entries::add(&tx, garbage).await,
        violates("ck_exclusion_list_entries_phone_number_e164")
    );
}

#[tokio::test]
async fn excluded_numbers_are_listed_newest_first() {
    let t = T::new().await;
    let mut created = Vec::new();
    for _ in 0..3 {
        created.push(t.factory.exclusion_list_entry(&t.organization).await);
    }
    created.reverse();
    let tx = t.customer().await;
    let seen = pages(async |after| exclusion_list_entries::list(&tx, after, 2).await).await;
    assert_eq!(seen, (created, vec![2, 1]));
}

#[tokio::test]
async fn an_exclusion_import_has_no_limit_and_counts_what_it_did() {
    const NUMBERS: usize = 70_000;
    let (_own, t) = T::alone("exclusion_import", &[("DATABASE_STATEMENT_TIMEOUT_MS", "0")]).await;
    let tx = t.customer().await;
    let mut numbers: Vec<String> =
        (0..NUMBERS).map(|number| format!("+39{:09}", 200_000_000 + number)).collect();
    numbers.extend(["+39200000000".to_owned(), "0039 02".to_owned(), String::new()]);
    let seen = import(&tx, &numbers).await;
    assert_eq!((seen.imported, seen.known, seen.malformed), (70_000, 0, 2));
    numbers.push("+393".to_owned());
    let seen = import(&tx, &numbers).await;
    assert_eq!((seen.imported, seen.known, seen.malformed), (1, 70_000, 2));
    let asked = vec!["+393".to_owned(), "+394".to_owned(), "+39200069999".to_owned()];
    let mut found = exclusion_list_entries::list_excluded(&tx, t.actor.organization, asked).await.unwrap();
    found.sort();
    assert_eq!(found, ["+39200069999", "+393"]);
}

#[tokio::test]
async fn an_exclusion_import_marks_the_contacts_of_its_organization_only() {
    let t = T::new().await;
    let other = t.neighbour().await;
    let (ours, theirs) = (running_campaign(&t).await, other.factory.campaign(&other.organization).await);
    let contact_of = |campaign, number: &str| {
        let number = Set(number.to_owned());
        t.factory.contact(campaign).with(move |row| row.phone_number = number)
    };
    let (listed, kept) = (contact_of(&ours, "+393").await, contact_of(&ours, "+394").await);
    let neighbour = contact_of(&theirs, "+393").await;
    let tx = t.customer().await;
    assert_eq!(import(&tx, &["+393".to_owned()]).await.excluded_contacts, 1);
    assert_eq!(contact(&tx, listed.id).await.state, ContactState::Excluded);
    assert_eq!(contact(&tx, kept.id).await, kept);
    tx.commit().await.unwrap();
    assert_eq!(contact(&other.customer().await, neighbour.id).await, neighbour);
}

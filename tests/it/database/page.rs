//! Pages, newest first.

use database::page::{Cursor, MAX_LIMIT};
use database::{campaigns, contacts, exclusion_list_entries};
use entity::id::CampaignId;
use sea_orm::Set;
use std::collections::BTreeSet;
use tests::factory::T;
use tests::queries::{import, pages, time};

#[tokio::test]
async fn pages_neither_skip_nor_repeat_rows_of_the_same_time() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    let mut expected = Vec::new();
    for created_at in ["2025-01-15T12:00:00.000001Z", "2025-01-15T12:00:00Z", "2025-01-15T11:59:59.999999Z"] {
        let mut same = Vec::new();
        for _ in 0..4 {
            let contact =
                t.factory.contact(&campaign).with(|row| row.created_at = Set(time(created_at))).await;
            same.push(contact.id);
        }
        same.sort_by(|one, other| other.cmp(one));
        expected.extend(same);
    }
    let tx = t.customer().await;
    for (limit, sizes) in [(5, vec![5, 5, 2]), (4, vec![4, 4, 4]), (12, vec![12]), (11, vec![11, 1])] {
        let (rows, seen) =
            pages(async |after| contacts::list_by_campaign(&tx, campaign.id, None, after, limit).await).await;
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), expected, "{limit}");
        assert_eq!(seen, sizes);
    }
}

#[tokio::test]
async fn a_row_inserted_between_two_pages_moves_no_other() {
    let t = T::new().await;
    for _ in 0..4 {
        t.factory.campaign(&t.organization).await;
    }
    let tx = t.customer().await;
    let first = campaigns::list(&tx, None, None, 2).await.unwrap();
    t.factory.campaign(&t.organization).await;
    let cursor: Cursor<CampaignId> = first.next.unwrap().to_string().parse().unwrap();
    let second = campaigns::list(&tx, None, Some(cursor), 2).await.unwrap();
    assert_eq!(second.next, None);
    let ids: BTreeSet<_> = first.items.iter().chain(&second.items).map(|row| row.id).collect();
    assert_eq!(ids.len(), 4);
    assert!(
        first.items.iter().chain(&second.items).is_sorted_by_key(|row| std::cmp::Reverse(row.created_at))
    );
}

#[tokio::test]
async fn the_size_of_a_page_has_bounds() {
    let t = T::new().await;
    let campaign = t.factory.campaign(&t.organization).await;
    for _ in 0..2 {
        t.factory.contact(&campaign).await;
    }
    let tx = t.customer().await;
    let least = contacts::list_by_campaign(&tx, campaign.id, None, None, 0).await.unwrap();
    assert_eq!(least.items.len(), 1);
    let numbers: Vec<String> = (0..=MAX_LIMIT).map(|number| format!("+1{number:04}")).collect();
    import(&tx, &numbers).await;
    let most = exclusion_list_entries::list(&tx, None, u64::MAX).await.unwrap();
    assert_eq!(most.items.len() as u64, MAX_LIMIT);
    assert!(most.next.is_some());
}

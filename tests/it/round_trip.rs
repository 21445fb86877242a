//! What `up` makes, `down` takes away to the letter: one migration at a time, without rows and with them.

use tests::{SqliteFile, catalog, connect, empty, session};

#[tokio::test]
async fn every_migration_is_undone_to_the_letter_on_an_empty_postgresql() {
    let database = empty("round_trip");
    every_migration_is_undone(&database.url()).await;
}

#[tokio::test]
async fn every_migration_is_undone_to_the_letter_on_an_empty_sqlite() {
    every_migration_is_undone(&SqliteFile::new().url()).await;
}

async fn every_migration_is_undone(url: &str) {
    let session = session(url);
    for migration in 0.. {
        let db = connect(url).await.unwrap();
        let before = catalog::dump(&db).await.unwrap();
        if session.up(Some(1)).await.unwrap() == 0 {
            assert!(migration > 0, "there are migrations");
            return;
        }
        let between = catalog::dump(&db).await.unwrap();
        session.down(Some(1)).await.unwrap();
        let after = catalog::dump(&db).await.unwrap();
        assert_eq!(catalog::difference(&before, &after), [""; 0], "migration number {migration}");
        session.up(Some(1)).await.unwrap();
        let again = catalog::dump(&db).await.unwrap();
        assert_eq!(catalog::difference(&between, &again), [""; 0], "migration number {migration}");
    }
}

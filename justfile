# The commands of this workspace; `just` lists them.

# "$@" keeps an argument with spaces in one piece.
set positional-arguments

_default:
    @just --list

# Apply pending migrations.
migrate *args:
    cargo run -p migration -- up "$@"

# Show which migrations are applied.
status:
    cargo run -p migration -- status

# Show the applied migrations, newest first, with time, duration and intent.
history:
    cargo run -p migration -- history

# Write the file of a new migration: just new-migration index_contacts_by_due_time
new-migration name:
    cargo run -p migration -- generate {{ name }}

# Write a migration from the entities: just migration-from-entities create_invoices --intent "why"
migration-from-entities *args:
    cargo run -p gate -- migration "$@"

# List the migrations that the main branch lacks; fail if a merged one was changed: just check-for-migration --base REF
check-for-migration *args:
    cargo run -p gate -- check-for-migration "$@"

# Generate the functions of database/queries/; with --check, report whether they are current.
codegen-db *args:
    cargo run -p gate -- codegen "$@"

# Check the schema, the migrations and the generated files: just gate --only schema_sql_current
gate *args:
    cargo run -p gate -- "$@"

# Write the generated files that are not current.
gate-write:
    cargo run -p gate -- write

# Lint the SQL; requires `pip install -r .ci/requirements.txt`.
lint-sql:
    sqlfluff lint migration/schema.sql database/queries gate/src/catalogue/catalogue.sql seeder/src/check/rules ops/src/retention

# Generate entities from a migrated scratch database into DIR, to compare with entity/src; requires sea-orm-cli 2.0.4.
generate-entities dir:
    @case "$(realpath -m '{{ dir }}')" in "$(realpath entity)"*) echo 'error: entity/ is not generated; name another directory' >&2; exit 2 ;; esac
    cargo run -p scratch -- --database entities sh -c 'export DATABASE_URL="$TEST_DATABASE_URL" && cargo run -p migration -- up && sea-orm-cli generate entity --entity-format dense --output-dir "$0"' '{{ dir }}'

# Open DATABASE_URL, from the environment or .env, in psql.
[no-exit-message]
psql *args:
    @just --dotenv-filename .env _psql "$@"

# Only this recipe loads .env: the tests must not depend on it.
[no-exit-message]
_psql *args:
    @case "${DATABASE_URL:-}" in postgres*) ;; *) echo 'error: DATABASE_URL does not name a PostgreSQL database' >&2; exit 2 ;; esac
    @psql "$DATABASE_URL" "$@"

# Format the code, including the modules that a macro declares, which `cargo fmt` does not find.
fmt:
    git ls-files -z --cached --others --exclude-standard '*.rs' | xargs -0 rustfmt

# Load the fixture records.
seed *args:
    cargo run -p seeder -- "$@"

# Generate data: just generate --contacts 100000
generate *args:
    cargo run --release -p seeder -- generate "$@"

# Run all tests, or those whose name contains the argument.
test *filter:
    cargo test --workspace -- "$@"

# Run a PostgreSQL for the duration of a command, or until Ctrl-C: just scratch psql
scratch *command:
    cargo run -p scratch -- "$@"

# Run the example scheduler on a PostgreSQL server of its own: just example async-std
example runtime="tokio":
    cargo run -p scratch -- --database example examples/run {{ runtime }}

# Show the plan of a query on a filled database: just explain contacts.claim_due --contacts 1000000
[no-exit-message]
explain *args:
    cargo run -p tests --bin performance -- explain "$@"

# Measure performance against its limits.
bench:
    cargo bench -p tests

# Release a version: run all checks, write the changelog and what the release fixes, commit and tag: just release 0.2.0
release version:
    .ci/release {{ version }}

# Run everything that CI runs, cheapest first.
ci:
    .ci/run

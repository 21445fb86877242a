# The commands of this workspace; `just` lists them.

_default:
    @just --list

# Apply pending migrations.
migrate *args:
    cargo run -p migration -- up {{ args }}

# Show which migrations are applied.
status:
    cargo run -p migration -- status

# Write the file of a new migration: just new-migration index_contacts_by_due_time
new-migration name:
    cargo run -p migration -- generate {{ name }}

# List the migrations that the main branch lacks; fails if one that it has was changed. just check-for-migration --base REF
check-for-migration *args:
    cargo run -p gate -- check-for-migration {{ args }}

# Write the functions of database/queries/; with --check, say whether they are current.
codegen-db *args:
    cargo run -p gate -- codegen {{ args }}

# Check the schema, the migrations and whatever is generated: just gate --only schema_sql_current
gate *args:
    cargo run -p gate -- {{ args }}

# Write whatever is generated and out of date.
gate-write:
    cargo run -p gate -- write

# Lint the SQL; wants `pip install -r .ci/requirements.txt`.
lint-sql:
    sqlfluff lint migration/schema.sql database/queries gate/src/catalogue/schema.sql

# Generate entities from a migrated scratch database into DIR, to compare with entity/src; wants sea-orm-cli 2.0.4.
generate-entities dir:
    @case "$(realpath -m '{{ dir }}')" in "$(realpath entity)"*) echo 'error: entity/ is written by hand; name another directory' >&2; exit 2 ;; esac
    cargo run -p scratch -- --database entities sh -c 'export DATABASE_URL="$TEST_DATABASE_URL" && cargo run -p migration -- up && sea-orm-cli generate entity --entity-format dense --output-dir "$0"' '{{ dir }}'

# Open DATABASE_URL, from the environment or .env, in psql.
[no-exit-message]
psql *args:
    #!/usr/bin/env sh
    if [ -z "${DATABASE_URL:-}" ] && [ -f .env ]; then DATABASE_URL=$(sed -n 's/^DATABASE_URL=//p' .env | tail -n 1); fi
    case "${DATABASE_URL:-}" in postgres*) exec psql "$DATABASE_URL" {{ args }} ;; esac
    echo 'error: DATABASE_URL does not name a PostgreSQL database' >&2; exit 2

# Format the code, including the modules that a macro declares, which `cargo fmt` does not find.
fmt:
    git ls-files -z '*.rs' | xargs -0 rustfmt

# Load the fixture records.
seed *args:
    cargo run -p seeder -- {{ args }}

# Run all tests, or those whose name contains the argument.
test *filter:
    cargo test --workspace -- {{ filter }}

# A PostgreSQL for the length of a command, or until Ctrl-C: just scratch psql
scratch *command:
    cargo run -p scratch -- {{ command }}

# Run the example scheduler on a PostgreSQL of its own: just example async-std
example runtime="tokio":
    cargo run -p scratch -- --database example examples/run {{ runtime }}

# Compare speeds with their limits.
bench:
    cargo bench -p tests

# Everything that CI runs, the cheapest first.
ci:
    .ci/run

with described (name, sentence) as (
    select name, obj_description(oid, 'pg_class') from our_tables
    union all
    select name, col_description(table_oid, attnum) from our_columns
)

select name, case
        when coalesce(trim(sentence), '') = '' then 'has no description'
        else format('has an uninformative description: %s', sentence)
    end, null
from described
where coalesce(trim(sentence), '') = ''
    or length(sentence) < 15
    or sentence !~ '\S+\s+\S+\s+\S+'
    or sentence ~* '\y(todo|fixme|tbd|tba|xxx|lorem ipsum|placeholder|to be (defined|done|documented))\y'
    or sentence ~* '^(the )?(column|table|field|description|value) (of|for) '
order by name

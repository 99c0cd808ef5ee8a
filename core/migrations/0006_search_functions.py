"""The functions of the search: see core/search.py."""

from django.db import migrations

# What is the same to a reader is the same text: ３号 and 3号, Ａ座 and a座.
FOLDED = """
    CREATE FUNCTION folded(words text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT lower(normalize(words, NFKC)) $$
"""
# What a page shows of a text (core.privacy.scrub): nobody finds a case by a telephone or identity
# number that they may not read in it.
SEARCHABLE = r"""
    CREATE FUNCTION searchable(words text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    DECLARE
        plain text := folded(words);
    BEGIN
        IF plain !~ '\d{4}[\s-]?\d{4}' THEN
            RETURN plain;
        END IF;
        plain := regexp_replace(plain,
            '(?<!\d)(\d{4})\d{2}[\s-]?\d{8}[\s-]?(\d{3}[\dx])(?!\d)', '\1****\2', 'g');
        plain := regexp_replace(plain,
            '(?<!\d)(?:\+?86[\s-]?)?(1\d{2})[\s-]?\d{4}[\s-]?(\d{4})(?!\d)', '\1****\2', 'g');
        RETURN regexp_replace(plain, '(?<!\d)(\d{3})\d{4}(\d{4})(?!\d)', '\1****\2', 'g');
    END
    $$
"""
# The pairs of neighbouring letters, characters and digits of a folded text; what is neither parts
# words. It names nothing that is not built in: indexes are rebuilt under a search_path of their
# own. PARALLEL UNSAFE, because workers take longer to start than a page of hits takes; the cost
# makes the planner look at the words themselves first.
BIGRAMS = """
    CREATE FUNCTION bigrams(words text) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL UNSAFE COST 500
    AS $$
    DECLARE
        letters text[] := string_to_array(regexp_replace(words, '[^[:alnum:]]+', ' ', 'g'), NULL);
    BEGIN
        RETURN ARRAY(
            SELECT a || b FROM unnest(letters, letters[2:]) AS pair (a, b)
            WHERE a <> ' ' AND b <> ' '
        );
    END
    $$
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0005_export_files")]

    operations = [
        migrations.RunSQL(FOLDED, "DROP FUNCTION folded(text)"),
        migrations.RunSQL(SEARCHABLE, "DROP FUNCTION searchable(text)"),
        migrations.RunSQL(BIGRAMS, "DROP FUNCTION bigrams(text)"),
    ]

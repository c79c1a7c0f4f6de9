-- What the change feed reads. `npm run feed -- install` does the same for a database that exists already.
-- Not in `npm run migrate`: with a publication, every program that has the attribute REPLICATION can read the changes.

do $$
begin
  if not exists (select from pg_publication where pubname = 'cachepot') then
    create publication cachepot for table categories, products, reviews;
  end if;
end $$;

-- The shop's seed data: 10 categories, 500 products, 5,000 reviews, the same on every run and every PostgreSQL.
-- All chance comes from SHA-256 of a row's number (md5 is refused where OpenSSL runs in FIPS mode), in whole numbers,
-- and no result depends on a time zone, a locale or the clock. Rows that are there already stay as they are.
--
-- Sizes and ranges are custom settings, so that `npm run seed` runs this text in batches:
--   seed.products, seed.reviews             totals (500, 5000)
--   seed.first_product, seed.last_product   the products of this run (1, seed.products)
--   seed.first_review, seed.last_review     the reviews of this run (1, seed.reviews)
-- A setting whose transaction is over reads as '', hence the nullif.

insert into categories (id, name) values
  (1, 'Electronics'), (2, 'Home & Kitchen'), (3, 'Garden'), (4, 'Sports & Outdoors'), (5, 'Toys & Games'),
  (6, 'Books'), (7, 'Clothing'), (8, 'Beauty'), (9, 'Office'), (10, 'Pet Supplies')
on conflict do nothing;

-- A name is brand, adjective and noun: 12 × 8 × 10 of them, told apart by a model number from the 961st product on.
insert into products (id, category_id, name, description, price, stock, created_at)
with vocabulary (category_id, cents_min, cents_max, adjectives, nouns, materials, details) as (
  values
    (1, 1900, 79900,
      array['Wireless', 'Compact', 'Portable', 'Noise-Cancelling', 'Smart', 'Ultra-Slim', 'Rugged', 'Foldable'],
      array['Headphones', 'Speaker', 'Keyboard', 'Mouse', 'Charger', 'Webcam', 'Monitor', 'Microphone', 'Power Bank', 'Earbuds'],
      array['Brushed aluminium case.', 'Stainless steel frame.', 'Recycled plastic housing.', 'Soft-touch silicone grip.'],
      array['Charges by USB-C in two hours.', 'Wireless range of ten metres.', 'Up to 30 hours on one charge.', 'Pairs with two devices at once.']),
    (2, 900, 24900,
      array['Steel', 'Cast-Iron', 'Non-Stick', 'Ceramic', 'Glass', 'Bamboo', 'Copper', 'Enamelled'],
      array['Saucepan', 'Kettle', 'Knife Set', 'Mixing Bowl', 'Cutting Board', 'Frying Pan', 'Teapot', 'Storage Jar', 'Baking Tray', 'Colander'],
      array['Stainless steel handle.', 'Beech wood lid.', 'Heat-proof silicone rim.', 'Borosilicate glass.'],
      array['Safe in the dishwasher.', 'Works on induction hobs.', 'Oven-proof up to 250 degrees.', 'Stacks to save space.']),
    (3, 500, 34900,
      array['Galvanised', 'Cedar', 'Terracotta', 'Folding', 'Self-Watering', 'Solar', 'Steel', 'Hanging'],
      array['Planter', 'Watering Can', 'Spade', 'Garden Hose', 'Bird Feeder', 'Lantern', 'Trellis', 'Wheelbarrow', 'Secateurs', 'Compost Bin'],
      array['Powder-coated steel.', 'Oiled ash wood.', 'Frost-proof clay.', 'Woven rattan.'],
      array['Stays outside all winter.', 'Holds twelve litres.', 'Comes with a wall bracket.', 'Sharpened by hand.']),
    (4, 1200, 59900,
      array['Lightweight', 'Waterproof', 'Carbon', 'Insulated', 'Inflatable', 'Trail', 'Thermal', 'Adjustable'],
      array['Tent', 'Sleeping Bag', 'Backpack', 'Water Bottle', 'Yoga Mat', 'Dumbbells', 'Cycling Helmet', 'Headlamp', 'Trekking Poles', 'Cool Box'],
      array['Ripstop nylon.', 'Double-walled steel.', 'Natural rubber.', 'Aircraft aluminium.'],
      array['Packs down to the size of a loaf.', 'Tested at minus ten degrees.', 'Reflective seams for the dark.', 'Fits most bicycle racks.']),
    (5, 600, 12900,
      array['Wooden', 'Magnetic', 'Musical', 'Giant', 'Travel', 'Cooperative', 'Glow-in-the-Dark', 'Classic'],
      array['Train Set', 'Building Blocks', 'Puzzle', 'Board Game', 'Kite', 'Marble Run', 'Card Game', 'Dolls'' House', 'Spinning Top', 'Chess Set'],
      array['Beech wood, water-based paint.', 'Sturdy recycled cardboard.', 'Organic cotton.', 'Food-grade plastic.'],
      array['For two to six players.', 'For children from three years.', 'A round takes twenty minutes.', 'Spare parts on request.']),
    (6, 700, 5900,
      array['Illustrated', 'Pocket', 'Concise', 'Annotated', 'Practical', 'Modern', 'Complete', 'Little'],
      array['Atlas of Birds', 'History of Maps', 'Guide to Bread', 'Book of Knots', 'Field Notes', 'Star Almanac', 'Grammar', 'Herbal', 'Steel Age', 'Wireless Handbook'],
      array['Linen hardcover.', 'Stitched paperback.', 'Large print on cream paper.', 'Spiral binding.'],
      array['With 120 colour plates.', 'Second, revised edition.', 'With an index and a ribbon.', 'Translated for the first time.']),
    (7, 1500, 22900,
      array['Merino', 'Organic', 'Quilted', 'Waterproof', 'Linen', 'Reversible', 'Slim', 'Knitted'],
      array['Jumper', 'Rain Jacket', 'Scarf', 'Shirt', 'Trousers', 'Socks', 'Cardigan', 'Gloves', 'Beanie', 'Work Apron'],
      array['Undyed wool.', 'Organic cotton.', 'Washed European linen.', 'Recycled polyester.'],
      array['Machine-washable at 30 degrees.', 'Steel buttons that stay on.', 'Cut wide in the shoulders.', 'Repaired by us for five years.']),
    (8, 400, 8900,
      array['Gentle', 'Unscented', 'Overnight', 'Nourishing', 'Mineral', 'Solid', 'Vegan', 'Refillable'],
      array['Shampoo Bar', 'Hand Cream', 'Face Oil', 'Sunscreen', 'Lip Balm', 'Bath Salts', 'Razor', 'Body Lotion', 'Soap', 'Clay Mask'],
      array['Shea butter and oats.', 'Cold-pressed almond oil.', 'Rosemary and sea salt.', 'Aloe and green tea.'],
      array['For sensitive skin.', 'Free of plastic, in a steel tin.', 'One bar lasts three months.', 'Dermatologically tested.']),
    (9, 300, 49900,
      array['Ergonomic', 'Refillable', 'Height-Adjustable', 'Recycled', 'Magnetic', 'Steel', 'Silent', 'Wireless'],
      array['Desk Lamp', 'Notebook', 'Fountain Pen', 'Stapler', 'Whiteboard', 'Document Tray', 'Desk', 'Footrest', 'Paper Shredder', 'Presenter'],
      array['Powder-coated steel.', 'Walnut veneer.', 'Recycled paper, 90 grams.', 'Die-cast zinc.'],
      array['Assembled without tools.', 'Quiet enough for a library.', 'Refills fit all our models.', 'Cable tidy included.']),
    (10, 350, 15900,
      array['Orthopaedic', 'Washable', 'Chew-Proof', 'Natural', 'Raised', 'Retractable', 'Cosy', 'Automatic'],
      array['Dog Bed', 'Cat Tree', 'Food Bowl', 'Lead', 'Scratching Post', 'Feeder', 'Carrier', 'Brush', 'Rope Toy', 'Aquarium Lamp'],
      array['Memory foam, cotton cover.', 'Sisal and birch.', 'Stainless steel.', 'Woven hemp.'],
      array['The cover zips off for washing.', 'For small and middling breeds.', 'Anti-slip feet.', 'Approved by our own three cats.'])
),
numbered as (
  select n, hash
  from generate_series(
    coalesce(nullif(current_setting('seed.first_product', true), '')::integer, 1),
    coalesce(
      nullif(current_setting('seed.last_product', true), '')::integer,
      nullif(current_setting('seed.products', true), '')::integer,
      500)
  ) as n
  -- `offset 0` keeps the planner from computing the hash anew for every byte of it.
  cross join lateral (select sha256(('product ' || n)::bytea) as hash offset 0) as chance
),
drawn as (
  select
    n,
    -- Categories differ in size: this list is drawn from.
    (array[1,1,1,1,1,1, 2,2,2,2,2, 3,3,3, 4,4,4,4, 5,5,5, 6,6, 7,7,7,7, 8,8, 9,9, 10])[1 + get_byte(hash, 0) % 32]
      as category_id,
    -- 367 and 960 have no common factor: 960 products in a row have 960 different names.
    n::bigint * 367 % 960 as name_number,
    get_byte(hash, 1) * 256 + get_byte(hash, 2) as price_draw,
    get_byte(hash, 3) as price_ending,
    get_byte(hash, 4) as material,
    get_byte(hash, 5) as detail,
    get_byte(hash, 6) as assurance,
    case when get_byte(hash, 7) < 20 then 0 else get_byte(hash, 7) * get_byte(hash, 8) % 240 + 1 end as stock,
    (get_byte(hash, 9) * 256 + get_byte(hash, 10)) % 17520 as age_hours
  from numbered
)
select
  n,
  category_id,
  (array['Kestrel', 'Norvik', 'Alder', 'Tamsin', 'Brightwater', 'Oakwell',
         'Halden', 'Lumen', 'Quillon', 'Marrow & Finch', 'Solva', 'Petrichor'])[1 + name_number % 12]
    || ' ' || adjectives[1 + name_number / 12 % 8]
    || ' ' || nouns[1 + name_number / 96]
    || case when n > 960 then ' ' || 1 + (n - 1) / 960 else '' end,
  materials[1 + material % 4]
    || ' ' || details[1 + detail % 4]
    || ' ' || (array['Two years of warranty.', 'Made to be repaired.', 'Ships in plain cardboard.', 'Thirty days to return it.',
                     'Designed in Bergen.', 'Made in small batches.'])[1 + assurance % 6],
  -- The square of a draw: many cheap products, few dear ones.
  ((cents_min + (cents_max - cents_min)::bigint * price_draw * price_draw / 4294967296) / 100 * 100
    + (array[99, 99, 95, 50, 49])[1 + price_ending % 5]) / 100.0,
  stock,
  timestamptz '2022-01-01 00:00:00+00' + make_interval(hours => age_hours)
from drawn
join vocabulary using (category_id)
order by n
on conflict do nothing;

-- Some products are reviewed far more often than others, and each with an id of 19, 39, 59, … not at all.
insert into reviews (id, product_id, rating, comment, created_at)
with setting as (
  select coalesce(nullif(current_setting('seed.products', true), '')::bigint, 500) as products
),
numbered as (
  select n, hash
  from generate_series(
    coalesce(nullif(current_setting('seed.first_review', true), '')::integer, 1),
    coalesce(
      nullif(current_setting('seed.last_review', true), '')::integer,
      nullif(current_setting('seed.reviews', true), '')::integer,
      5000)
  ) as n
  cross join lateral (select sha256(('review ' || n)::bytea) as hash offset 0) as chance
),
drawn as (
  select
    n,
    products,
    get_byte(hash, 0) * 65536::bigint + get_byte(hash, 1) * 256 + get_byte(hash, 2) as popularity_draw,
    get_byte(hash, 3) % 16 as rating_draw,
    get_byte(hash, 4) as comment_draw,
    get_byte(hash, 5) * 65536::bigint + get_byte(hash, 6) * 256 + get_byte(hash, 7) as time_draw
  from numbered
  cross join setting
),
placed as (
  select
    drawn.*,
    -- The square of a draw is a product's rank; 7368787 is prime and scatters the ranks over the ids, one to one.
    (popularity_draw * popularity_draw / 16777216 * products / 16777216 * 7368787 % products + 1)::integer as drawn_product
  from drawn
),
rated as (
  select
    n,
    products.id as product_id,
    -- Eight qualities, each a line of sixteen ratings to draw from.
    substr(
      (array['1111222333344455', '1112223333444455', '1122233334444555', '1122333344445555',
             '1223334444455555', '1233344444555555', '1334444455555555', '2344445555555555'])
        [1 + products.id::bigint * 7919 % 5 + products.category_id * 3 % 4],
      1 + rating_draw, 1)::integer as rating,
    comment_draw,
    time_draw
  from placed
  -- Joined, not only computed: a product that was deleted since gets no review.
  join products on products.id = drawn_product - case when drawn_product % 20 = 19 then 1 else 0 end
)
select
  n,
  product_id,
  rating,
  case when comment_draw < 64 then null else
    (array[
      'Broke in the first week.', 'Not as described.', 'Sent it back.', 'I expected far better for the price.',
      'Works, but feels cheap.', 'Arrived late and scratched.', 'The manual is of no help.', 'Would not buy it again.',
      'Does what it should.', 'Decent for the price.', 'Good, with small flaws.', 'Neither here nor there.',
      'Very happy with it so far.', 'Solid and well made.', 'A good present.', 'Better than the one I had before.',
      'Exactly what I was looking for!', 'I use it every day.', 'Outstanding quality.', 'Bought a second one at once.'
    ])[(rating - 1) * 4 + 1 + comment_draw % 4]
  end,
  timestamptz '2024-01-01 00:00:00+00' + make_interval(secs => (time_draw * 31622400 / 16777216)::double precision)
from rated
order by n
on conflict do nothing;

-- Explicit ids leave the sequences behind; never move one back, for the app may be ahead of what is committed.
select setval('categories_id_seq', greatest((select max(id) from categories), (select last_value from categories_id_seq)));
select setval('products_id_seq', greatest((select max(id) from products), (select last_value from products_id_seq)));
select setval('reviews_id_seq', greatest((select max(id) from reviews), (select last_value from reviews_id_seq)));

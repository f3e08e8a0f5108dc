import type { Story } from "./story.ts";

/** What the shop sells, by its ids. */
export interface Shop {
  readonly vendor: number;
  readonly roses: number;
  readonly vase: number;
  readonly coupon: number;
}

export async function openTheShop(story: Story): Promise<Shop> {
  story.chapter("The house opens a shop: a vendor, two products, an offer, and ten coupons for whoever comes first");
  return story.asAdmin(async () => {
    const created = { status: 201 };
    const flowers = await story.plays("POST /admin-api/vendors", { body: { name: "Flowers & Co" }, ...created });
    const product = { vendor_id: flowers.id, stock: 100 };
    const roses = await story.plays("POST /admin-api/products", {
      body: { ...product, name: "A bunch of roses", price: 25 },
      ...created,
    });
    const vase = await story.plays("POST /admin-api/products", {
      body: { ...product, name: "A vase", price: 40 },
      ...created,
    });
    await story.plays("POST /admin-api/offers", {
      body: { product_id: roses.id, name: "Spring offer", price: "19.95" },
      ...created,
    });
    const coupon = await story.plays("POST /admin-api/coupons", {
      body: {
        name: "Ten percent off",
        discount_type: "percent",
        discount_value: 10,
        max_discount: 20,
        total_quantity: 10,
      },
      ...created,
    });
    return {
      vendor: Number(flowers.id),
      roses: Number(roses.id),
      vase: Number(vase.id),
      coupon: Number(coupon.id),
    };
  });
}

export async function rushForCoupons(story: Story, { coupon }: Shop): Promise<void> {
  story.chapter("Sara claims a coupon; then everybody else comes");
  await story.plays(`POST /coupons/${coupon}`, { status: 201 });
  await story.rush(20, `POST /coupons/${coupon}`);
  await story.plays(`GET /coupons/${coupon}`);
  await story.plays(`POST /coupons/${coupon}`, { status: 409 });
  await story.plays("GET /members/me/coupons");
}

export async function buyAndCancel(story: Story, { roses, vase, coupon }: Shop): Promise<void> {
  story.chapter(
    "She fills her cart and orders: stock is held, the coupon is used, the prices are those of this instant",
  );
  await story.plays("GET /products");
  await story.plays("POST /cart/items", { body: { product_id: roses, quantity: 2 }, status: 201 });
  await story.plays("POST /cart/items", { body: { product_id: vase, quantity: 1 }, status: 201 });
  const items = [
    { product_id: roses, quantity: 2 },
    { product_id: vase, quantity: 1 },
  ];
  const { payment } = await story.plays("POST /order/me", { body: { items, coupon_id: coupon }, status: 201 });
  await story.plays("GET /cart");
  story.chapter("She pays from her balance; a second click changes nothing");
  const { id } = payment as { id: number };
  await story.plays(`POST /payment/${id}`);
  await story.plays(`POST /payment/${id}`);
  await story.plays("GET /members/me/points");
  story.chapter("She orders too much, and then something that she thinks better of");
  await story.plays("POST /order/me", { body: { items: [{ product_id: vase, quantity: 100 }] }, status: 400 });
  const { order } = await story.plays("POST /order/me", {
    body: { items: [{ product_id: vase, quantity: 1 }] },
    status: 201,
  });
  const second = (order as { id: number }).id;
  await story.plays(`POST /payment/${second}`);
  await story.plays(`POST /orders/${second}/cancel`);
  await story.plays("GET /members/me/points/transactions?per_page=3");
}

export async function seeWhatSells(story: Story): Promise<void> {
  story.chapter("What sells best is for everybody to see");
  await story.waitsFor("GET /products/top?days=3", (data) => Array.isArray(data) && data.length === 2);
}

export async function seeWhatLeft(story: Story, dataPlatform: string): Promise<void> {
  story.chapter("The data platform was told of every order, signed and in order");
  await story.waitsElsewhere(dataPlatform, "GET /events", (events) => Array.isArray(events) && events.length === 3);
}

import type { Fields } from "./both-ways.ts";

const page = { page: 1, per_page: 20 };
const time = { starts_at: "2026-01-01T00:00:00Z", ends_at: "2099-12-31" };

const somebody = {
  username: "somebody",
  password: "correct horse",
  name: "Some Body",
  email: "some@example.com",
  phone_number: "+966501234567",
};

const coupon = {
  name: "Ten percent off",
  discount_type: "percent",
  discount_value: "10",
  currency: "SAR",
  min_order_amount: "50.00",
  max_discount: "20.00",
  total_quantity: 100,
  per_user_limit: 2,
  ...time,
};

/** A gif of one pixel. */
const picture = "R0lGODlhAQABAIAAAP+IAAAAACwAAAAAAQABAAACAkQBADs=";

const offer = { product_id: 1, name: "Spring offer", price: "20.00", ...time };

/** A request with every field for every public RPC that takes any, none of which is wrong in itself. */
export const goodRequests: Readonly<Record<string, Fields>> = {
  "AuthService/Register": somebody,
  "AuthService/Login": { username: "somebody", password: "correct horse" },
  "AuthService/Refresh": { refresh_token: "x" },
  "AuthService/RequestVerification": { channel: "email" },
  "AuthService/ConfirmVerification": { channel: "email", code: "123456" },
  "UserAdminService/CreateUser": { ...somebody, role: "vendor", vendor_id: 1 },

  "PointsService/ChargePoints": { member_id: "me", amount: "1.00", currency: "SAR" },
  "PointsService/GetPoints": { member_id: "me" },
  "PointsService/ListTransactions": {
    member_id: "me",
    currency: "SAR",
    type: "charge",
    from: "2026-01-01T00:00:00Z",
    to: "2026-01-02",
    ...page,
  },
  "LedgerAdminService/GetLiability": { as_of: "2026-01-01" },
  "MailboxService/ListMessages": { to: "some@example.com", ...page },

  "ProductService/ListProducts": { vendor_id: 1, ...page },
  "ProductService/GetProduct": { product_id: 1 },
  "ProductService/ListTopProducts": { days: 3, limit: 5 },
  "AdminCatalogService/ListVendors": page,
  "AdminCatalogService/CreateVendor": { name: "Flowers & Co" },
  "AdminCatalogService/GetVendor": { vendor_id: 1 },
  "AdminCatalogService/UpdateVendor": { vendor_id: 1, name: "Flowers & Co" },
  "AdminCatalogService/ListAllProducts": { vendor_id: 1, ...page },
  "AdminCatalogService/CreateProduct": {
    vendor_id: 1,
    name: "A bunch of roses",
    price: "25.00",
    currency: "SAR",
    stock: 10,
    active: true,
  },
  "AdminCatalogService/GetAnyProduct": { product_id: 1 },
  "AdminCatalogService/UpdateProduct": { product_id: 1, name: "A bunch of roses", price: "25.00", active: false },
  "AdminCatalogService/AdjustStock": { product_id: 1, delta: -1 },
  "AdminCatalogService/ListOffers": { product_id: 1, ...page },
  "AdminCatalogService/CreateOffer": offer,
  "AdminCatalogService/GetOffer": { offer_id: 1 },
  "AdminCatalogService/UpdateOffer": { offer_id: 1, name: "Spring offer", price: "20.00", ...time },

  "CouponService/ClaimCoupon": { coupon_id: 1 },
  "CouponService/GetCoupon": { coupon_id: 1 },
  "CouponService/ListMemberCoupons": { member_id: "me", status: "issued", ...page },
  "AdminCouponService/ListCoupons": page,
  "AdminCouponService/CreateCoupon": coupon,
  "AdminCouponService/GetAdminCoupon": { coupon_id: 1 },
  "AdminCouponService/UpdateCoupon": {
    coupon_id: 1,
    name: "Ten percent off",
    total_quantity: 100,
    per_user_limit: 2,
    ...time,
  },

  "CartService/AddCartItem": { product_id: 1, quantity: 1 },
  "CartService/UpdateCartItem": { product_id: 1, quantity: 1 },
  "CartService/RemoveCartItem": { product_id: 1 },
  "OrderService/PlaceOrder": { user_id: "me", items: [{ product_id: 1, quantity: 1 }], coupon_id: 1 },
  "OrderService/ListOrders": { status: "completed", ...page },
  "OrderService/GetOrder": { order_id: 1 },
  "OrderService/CancelOrder": { order_id: 1 },
  "PaymentService/PayPayment": { payment_id: 1 },
  "BackgroundService/ListBackgrounds": { search: "roses", status: "active", ...page },
  "BackgroundService/CreateBackground": {
    name: "Red roses",
    description: "A bunch of them",
    background_image: picture,
    is_active: true,
  },
  "BackgroundService/ListActiveBackgrounds": page,
  "BackgroundService/GetBackground": { background_id: 1 },
  "BackgroundService/UpdateBackground": {
    background_id: 1,
    name: "Red roses",
    description: "A bunch of them",
    background_image: picture,
    is_active: false,
  },
  "BackgroundService/DeleteBackground": { background_id: 1 },
  "BackgroundService/ToggleBackgroundStatus": { background_id: 1 },
  "BackgroundService/GetBackgroundPicture": { picture: "6f1ed002ab5595859014ebf0951522d9", file: "card.webp" },
  "VendorOrderService/ListVendorOrders": { status: "pending", ...page },
  "VendorOrderService/CompleteOrder": { order_id: 1 },
};

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

const giftCard = {
  gift_type: "wallet",
  amount: "200.00",
  currency: "SAR",
  background_color: "#FF8B85",
  background_image_id: 1,
  message: "Enjoy your gift!",
  recipient_name: "Jane Doe",
  recipient_email: "jane@example.com",
  recipient_number: "+966501234567",
  expires_at: "2099-12-31",
  vendor_id: 1,
  product_id: 1,
  offer_id: 1,
};

const code = "GC7ZK3M9Q4T8W2X5YB";

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

  "VoucherService/RequestCode": { phone_number: "0909123456" },
  "VoucherService/GetRequestedCode": { request_id: 1, token: "none", wait: 1 },
  "VoucherService/WatchRequestedCode": { request_id: 1, token: "none" },
  "VoucherService/ListVouchers": { phone_number: "0909123456", ...page },

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
  "UserGiftCardService/ListGiftCards": { status: "active", gift_type: "order", ...page },
  "UserGiftCardService/ListMyGiftCards": { type: "sent", status: "active", gift_type: "order", ...page },
  "UserGiftCardService/CreateGiftCard": giftCard,
  "UserGiftCardService/GetGiftCard": { gift_card_id: 1 },
  "UserGiftCardService/GetGiftCardByCode": { code },
  "UserGiftCardService/RedeemGiftCardToWallet": { gift_card_id: 1, code },
  "UserGiftCardService/RedeemGiftCard": { gift_card_id: 1, code },
  "UserGiftCardService/CreateOrderFromGiftCard": { gift_card_id: 1, code },
  "UserGiftCardService/CancelOrderAndRedeemToWallet": { gift_card_id: 1 },
  "VendorGiftCardService/ListVendorGiftCards": { status: "active", gift_type: "order", ...page },
  "VendorGiftCardService/GetVendorGiftCard": { gift_card_id: 1 },
  "AdminGiftCardService/ListAllGiftCards": {
    status: "used",
    gift_type: "order",
    redemption_method: "order",
    ...page,
  },
  "AdminGiftCardService/IssueGiftCard": { ...giftCard, notes: "For the anniversary", user_id: 1, status: "active" },
  "AdminGiftCardService/GetAnyGiftCard": { gift_card_id: 1 },
  "AdminGiftCardService/GetAnyGiftCardByCode": { code },
  "AdminGiftCardService/UpdateGiftCard": {
    gift_card_id: 1,
    ...giftCard,
    notes: "For the anniversary",
    user_id: 1,
    status: "cancelled",
  },
  "AdminGiftCardService/DeleteGiftCard": { gift_card_id: 1 },
  "AdminGiftCardService/GetGiftCardStatistics": { currency: "SAR" },
  "AdminGiftCardService/BulkUpdateGiftCardStatus": { gift_card_ids: [1], status: "cancelled" },
  "AdminGiftCardService/BulkIssueGiftCards": { count: 10, ...giftCard, notes: "For the anniversary" },
  "AdminGiftCardService/GetGiftCardBatch": { batch_id: 1 },
  "AdminGiftCardService/GetGiftCardBatchCodes": { batch_id: 1 },
  "VendorOrderService/ListVendorOrders": { status: "pending", ...page },
  "VendorOrderService/CompleteOrder": { order_id: 1 },
};

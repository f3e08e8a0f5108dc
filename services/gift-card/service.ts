import { NotificationService } from "../../gen/giftmesh/notification/v1/notification_service_pb.ts";
import { ContactService } from "../../gen/giftmesh/profile/v1/contact_service_pb.ts";
import { CodeKeyRows, codeKeysMigration } from "../platform/codes/code-key-rows.ts";
import { openCodeKeys } from "../platform/codes/open-code-keys.ts";
import { Resealing } from "../platform/codes/resealing.ts";
import { countLane } from "../platform/lane-metrics.ts";
import { readPhoneRegion } from "../platform/phone-number.ts";
import type { ServiceDefinition } from "../platform/service.ts";
import { Askers } from "./askers.ts";
import { createBackgrounds } from "./backgrounds/create-backgrounds.ts";
import { backgroundMigrations } from "./backgrounds/store/migrations.ts";
import { BatchMaking } from "./batch-making.ts";
import { CardChange } from "./card-change.ts";
import { aboutCard, CardCodes } from "./card-codes.ts";
import { CardEvents } from "./card-events.ts";
import { openCardLane } from "./card-lane.ts";
import { CardMoney } from "./card-money.ts";
import { Changing } from "./changing.ts";
import { DueCards } from "./due-cards.ts";
import { Guesses } from "./guesses.ts";
import { Letters } from "./letters.ts";
import { Making } from "./making.ts";
import { neighboursOf } from "./neighbours.ts";
import { Ordering } from "./ordering.ts";
import { showOverdueCards } from "./overdue-cards.ts";
import { Redeeming } from "./redeeming.ts";
import { Returning } from "./returning.ts";
import { serveAdminCards } from "./rpc/admins.ts";
import { CardShapes } from "./rpc/card-shapes.ts";
import { ChangeRequests } from "./rpc/change-request.ts";
import { NewCards } from "./rpc/new-card.ts";
import { serveUserCards } from "./rpc/users.ts";
import { serveVendorCards } from "./rpc/vendors.ts";
import { Batches, batchesMigration } from "./store/batches.ts";
import { CardLists } from "./store/card-lists.ts";
import { CardCounters } from "./store/counters.ts";
import { LetterRows, lettersMigration } from "./store/letters.ts";
import { migrations } from "./store/migrations.ts";
import { missedGuessesMigration } from "./store/missed-guesses.ts";

/** Cards are numbered so many at a time. */
const numbersAtOnce = 1_000n;

/** Keeps gift cards: they are made, redeemed to a wallet or as an order, and what is owed on them goes back in the end. */
export const giftCard: ServiceDefinition = {
  name: "gift-card",
  migrations: [
    ...migrations,
    ...backgroundMigrations,
    codeKeysMigration("003-code-keys"),
    missedGuessesMigration,
    lettersMigration,
    batchesMigration,
  ],
  async create({ config, database, clients, outbox, log, metrics, ids }) {
    const { defaultCurrency } = config;
    const neighbours = neighboursOf(clients);
    const { orders, stock } = neighbours;
    const keyRows = new CodeKeyRows(database, "cards");
    const keys = await openCodeKeys("gift-card", config, keyRows);
    const codes = new CardCodes(keys);
    const guesses = new Guesses(database);
    const contacts = clients.of(ContactService);
    const askers = new Askers(contacts, codes);

    const cards = new CardLists(database);
    showOverdueCards(metrics, cards);
    const counters = new CardCounters(database);
    const lane = openCardLane(database, counters, countLane(metrics, "gift_cards"));
    const money = new CardMoney(neighbours.ledger);
    const letterRows = new LetterRows(database);
    const notifications = clients.of(NotificationService);
    const letters = new Letters({ rows: letterRows, cards, codes, contacts, notifications, log });
    const events = new CardEvents(outbox, letters);
    const making = new Making({ cards, lane, ids: ids("cards", numbersAtOnce), codes, money, events });
    const redeeming = new Redeeming({ lane, money, events });
    const ordering = new Ordering({ lane, money, events, orders });
    const returning = new Returning({ lane, money, events });
    const changing = new Changing(lane, money);

    const backgrounds = createBackgrounds({ config, database, log, ids }, cards);
    const { images } = backgrounds;
    const shapes = new CardShapes({ codes, images, orders });
    const defaultPhoneRegion = readPhoneRegion(config.defaultPhoneRegion);
    const newCards = new NewCards({ images, stock, defaultCurrency, defaultPhoneRegion });
    const flows = { making, redeeming, ordering };
    const batches = new Batches(database);
    const cardChange = new CardChange({ lane, changing, returning, letters, codes });
    const changeRequests = new ChangeRequests({ images, askers, defaultPhoneRegion });
    const shown = { database, cards, counters, askers, guesses, shapes, images, newCards, defaultCurrency };
    return {
      serves: [
        serveUserCards({ ...shown, ...flows }),
        serveVendorCards(shown),
        serveAdminCards({
          ...shown,
          making,
          returning,
          cardChange,
          changeRequests,
          batches,
          batchIds: ids("batches", 1n),
          codes,
          ledger: neighbours.ledger,
        }),
        backgrounds.served,
      ],
      workers: [
        new DueCards({ cards, ...flows, changing, returning, log }).worker,
        new Resealing(database, keys, keyRows, aboutCard).worker,
        new BatchMaking({ batches, making, log }).worker,
        letters.worker,
        guesses.worker,
        backgrounds.worker,
      ],
    };
  },
};

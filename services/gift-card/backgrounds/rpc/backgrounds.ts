import { BackgroundStatus } from "../../../../gen/giftmesh/giftcard/v1/background_pb.ts";
import { BackgroundService } from "../../../../gen/giftmesh/giftcard/v1/background_service_pb.ts";
import type { Database, Session } from "../../../platform/database/database.ts";
import { settle } from "../../../platform/idempotency.ts";
import type { IdSequence } from "../../../platform/ids.ts";
import { pageOf, readPaging } from "../../../platform/paging.ts";
import { type Served, serve } from "../../../platform/rpc/handler.ts";
import { now } from "../../../platform/time.ts";
import { type Background, type BackgroundChanges, changed } from "../domain/background.ts";
import { BackgroundInUse, BackgroundNotFound, PictureNotFound } from "../domain/errors.ts";
import { formatOf, type PictureFile } from "../domain/picture.ts";
import type { Pictures } from "../pictures.ts";
import type { Backgrounds } from "../store/backgrounds.ts";
import { activeBackgroundShape, backgroundShape } from "./shapes.ts";

/** Who knows which backgrounds cards have. */
export interface CardUses {
  isOnAnyCard(session: Session, backgroundId: bigint): Promise<boolean>;
}

/** What backgrounds stand on. */
export interface BackgroundParts {
  readonly database: Database;
  readonly backgrounds: Backgrounds;
  readonly backgroundIds: IdSequence;
  readonly pictures: Pictures;
  readonly cards: CardUses;
}

/** The pictures that cards can have, and their files. */
export function serveBackgrounds({ database, backgrounds, backgroundIds, pictures, cards }: BackgroundParts): Served {
  const locked = async (session: Session, id: bigint): Promise<Background> => {
    const found = await backgrounds.lock(session, id);
    if (!found) throw new BackgroundNotFound();
    return found;
  };
  const found = async (id: bigint): Promise<Background> => {
    const background = await backgrounds.find(id);
    if (!background) throw new BackgroundNotFound();
    return background;
  };

  return serve(BackgroundService, {
    async listBackgrounds({ search, status, ...request }) {
      const paging = readPaging(request);
      const active = status === undefined ? undefined : status === BackgroundStatus.ACTIVE;
      const page = pageOf(paging, { ...(await backgrounds.list({ search, active }, paging)), keyOf });
      return { backgrounds: page.rows.map(backgroundShape), pageInfo: page.pageInfo };
    },

    async listActiveBackgrounds(request) {
      const paging = readPaging(request);
      const page = pageOf(paging, { ...(await backgrounds.list({ active: true }, paging)), keyOf });
      return { backgrounds: page.rows.map(activeBackgroundShape), pageInfo: page.pageInfo };
    },

    async getBackground({ backgroundId }) {
      return { background: backgroundShape(await found(backgroundId)) };
    },

    async createBackground({ name, description, backgroundImage = new Uint8Array(), isActive = true }, call) {
      const picture = await pictures.add(backgroundImage, call.signal);
      const [id, at] = [await backgroundIds.take(), now()];
      const words = { name, description: description || undefined };
      const background: Background = { id, ...words, active: isActive, picture, createdAt: at, updatedAt: at };
      return database.transaction(async (tx) => {
        await backgrounds.insert(tx, background);
        await pictures.keep(tx, picture);
        return settle(tx, call, { background: backgroundShape(background) });
      });
    },

    async updateBackground({ backgroundId, name, description, backgroundImage, isActive }, call) {
      // What is wrong with a request is told of it before what it is about.
      if (backgroundImage) formatOf(backgroundImage);
      await found(backgroundId);
      const picture = backgroundImage && (await pictures.add(backgroundImage, call.signal));
      const changes: BackgroundChanges = {
        ...(name !== undefined && { name }),
        ...(description !== undefined && { description: description || undefined }),
        ...(isActive !== undefined && { active: isActive }),
        ...(picture !== undefined && { picture }),
      };
      return database.transaction(async (tx) => {
        const known = await locked(tx, backgroundId);
        const background = changed(known, changes, now());
        if (background !== known) await backgrounds.update(tx, background);
        // A run before this one may have been committed, and its answer lost.
        if (picture !== undefined && picture !== known.picture) {
          await pictures.keep(tx, picture);
          await pictures.releaseReplaced(tx, known.picture);
        }
        return settle(tx, call, { background: backgroundShape(background) });
      });
    },

    async deleteBackground({ backgroundId }, call) {
      // A commit of which nobody heard has deleted it, and the transaction is run again.
      let deleted: Background | undefined;
      const picture = await database.transaction(async (tx) => {
        const known = deleted ?? (await locked(tx, backgroundId));
        // A card that is being made has held the background since before, or finds it gone.
        if (await cards.isOnAnyCard(tx, backgroundId)) throw new BackgroundInUse();
        await backgrounds.delete(tx, backgroundId);
        deleted = known;
        await pictures.releaseDeleted(tx, known.picture);
        await settle(tx, call, {});
        return known.picture;
      });
      await pictures.remove(picture);
      return {};
    },

    async toggleBackgroundStatus({ backgroundId }, call) {
      // What the first run has found: after a commit of which nobody heard, another would switch it back.
      let wasActive: boolean | undefined;
      return database.transaction(async (tx) => {
        const known = await locked(tx, backgroundId);
        wasActive ??= known.active;
        const background = changed(known, { active: !wasActive }, now());
        if (background !== known) await backgrounds.update(tx, background);
        return settle(tx, call, { background: backgroundShape(background) });
      });
    },

    async getBackgroundPicture({ picture, file }) {
      const data = await pictures.read(picture, file.replace(/\.webp$/, "") as PictureFile);
      if (!data) throw new PictureNotFound();
      return { contentType: "image/webp", data: new Uint8Array(data) };
    },
  });
}

function keyOf({ id }: Background): bigint[] {
  return [id];
}

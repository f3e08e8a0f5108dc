import { randomBytes } from "node:crypto";
import type { Session } from "../../platform/database/database.ts";
import { type MediaStore, MediaUnavailable } from "../../platform/media/media-store.ts";
import { Unavailable } from "../../platform/refusal.ts";
import { type Instant, now } from "../../platform/time.ts";
import type { Converter } from "./converter.ts";
import { formatOf, type PictureFile, pictureFiles } from "./domain/picture.ts";
import type { PictureRows } from "./store/pictures.ts";

const minute = 60_000_000n;

/** How long files are there that no background has yet: longer than any call. */
const keptUnclaimedFor = 60n * minute;

/** How long those of a picture stay that was replaced, for whoever has just read where they are. */
const keptReplacedFor = 10n * minute;

/** How long after their time files go by themselves: clocks differ, and nobody may think that they are still there. */
const grace = 5n * minute;

/** Pictures that are removed at a time. */
const atOnce = 100;

/** What pictures stand on. */
export interface PictureParts {
  readonly rows: PictureRows;
  readonly media: MediaStore;
  readonly converter: Converter;
}

/**
 * Files and the database have no transaction in common. So a picture has a row before its first file is written and
 * until the last is removed, and the row says when the files are to go: whatever process dies when, none is forgotten,
 * and none goes that a background has.
 */
export class Pictures {
  private readonly rows: PictureRows;
  private readonly media: MediaStore;
  private readonly converter: Converter;

  constructor({ rows, media, converter }: PictureParts) {
    this.rows = rows;
    this.media = media;
    this.converter = converter;
  }

  /**
   * Converts an upload and writes its files, for a background to keep. Answers the picture's name. Throws BadPicture,
   * or Unavailable where it cannot be converted or written now.
   */
  async add(upload: Uint8Array, gone: AbortSignal): Promise<string> {
    const converted = await this.converter.convert(upload, formatOf(upload), gone);
    const picture = randomBytes(16).toString("hex");
    await this.rows.announce(picture, now() + keptUnclaimedFor);
    await Promise.all(
      pictureFiles.map((file) =>
        this.media.put(keyOf(picture, file), { bytes: converted[file], contentType: "image/webp" }),
      ),
    );
    return picture;
  }

  /** Keeps a picture for the background that the transaction writes. */
  async keep(session: Session, picture: string): Promise<void> {
    if (!(await this.rows.keep(session, picture, now()))) throw new Unavailable();
  }

  /** Gives up the picture of a background that has another one now. */
  async releaseReplaced(session: Session, picture: string): Promise<void> {
    await this.rows.release(session, picture, now() + keptReplacedFor);
  }

  /** Gives up the picture of a background that is deleted. */
  async releaseDeleted(session: Session, picture: string): Promise<void> {
    await this.rows.release(session, picture, now() - grace);
  }

  async read(picture: string, file: PictureFile): Promise<Uint8Array | undefined> {
    return this.media.get(keyOf(picture, file));
  }

  /** Removes the files of a picture that was released, once that is committed; if not now, then later. */
  async remove(picture: string): Promise<void> {
    try {
      await this.removeFiles(picture);
    } catch (error) {
      // It has been logged, and the row stays for `removeDue`.
      if (!(error instanceof MediaUnavailable)) throw error;
    }
  }

  /**
   * Removes the files of every picture whose time has come. One whose files cannot be removed holds up no other; rejects
   * with why, once it has been tried with all of them.
   */
  async removeDue(signal: AbortSignal, at: Instant = now()): Promise<void> {
    const failures: unknown[] = [];
    let last = "";
    for (;;) {
      const due = await this.rows.due(at - grace, last, atOnce);
      for (const picture of due) {
        if (signal.aborted) return;
        await this.removeFiles(picture).catch((error) => failures.push(error));
      }
      if (due.length < atOnce) break;
      last = due.at(-1) ?? "";
    }
    if (failures.length > 0) throw failures[0];
  }

  private async removeFiles(picture: string): Promise<void> {
    await Promise.all(pictureFiles.map((file) => this.media.remove(keyOf(picture, file))));
    await this.rows.forget(picture);
  }
}

function keyOf(picture: string, file: PictureFile): string {
  return `gift-card-backgrounds/${picture}/${file}.webp`;
}

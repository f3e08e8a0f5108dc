import { createPool, type Pool, type PoolConnection, type ResultSetHeader, type RowDataPacket } from "mysql2/promise";

/**
 * Redeems as one would write them to be fast, with nothing but mysql2: a transaction each, its statements prepared. The
 * card is locked and checked, the wallet is locked; the transfer, its two entries, the wallet and the card are written.
 *
 * It does nothing else, all of which is in its favour: no HTTP and no RPC, no token, no look at who the holder is, no
 * code, no statistics, no outbox.
 */
export class PlainRedeems {
  private readonly pool: Pool;
  private readonly liabilityId: number;

  constructor(url: string, connections: number, liabilityId: number) {
    this.pool = createPool({ uri: url, connectionLimit: connections });
    this.liabilityId = liabilityId;
  }

  /** Answers the wallet's balance. */
  async redeem(cardId: number, userId: number): Promise<number> {
    const connection = await this.pool.getConnection();
    try {
      await connection.beginTransaction();
      const balance = await this.redeemOn(connection, cardId, userId);
      await connection.commit();
      return balance;
    } catch (error) {
      await connection.rollback();
      throw error;
    } finally {
      connection.release();
    }
  }

  close(): Promise<void> {
    return this.pool.end();
  }

  private async redeemOn(connection: PoolConnection, cardId: number, userId: number): Promise<number> {
    const at = Date.now() * 1_000;
    const [[card]] = await connection.execute<RowDataPacket[]>("SELECT * FROM cards WHERE id = ? FOR UPDATE", [cardId]);
    const isExpired = card?.expires_at !== null && card?.expires_at <= at;
    if (card?.sender_id !== userId || card.status !== "active" || isExpired) {
      throw new Error(`The card ${cardId} cannot be redeemed`);
    }
    const [[wallet]] = await connection.execute<RowDataPacket[]>(
      "SELECT id, balance, sequence FROM accounts WHERE user_id = ? FOR UPDATE",
      [userId],
    );
    if (!wallet) throw new Error(`The user ${userId} has no wallet`);
    const { id: walletId } = wallet;
    const [balance, sequence] = [wallet.balance + card.amount, wallet.sequence + 1];
    const [{ insertId: number }] = await connection.execute<ResultSetHeader>(
      `INSERT INTO transfers (id, debit_account_id, credit_account_id, amount, type, reference, created_at)
       VALUES (?, ?, ?, ?, 'gift_card_redeem', ?, ?)`,
      [`card-${cardId}-redeem`, this.liabilityId, walletId, card.amount, `card-${cardId}`, at],
    );
    await connection.execute(
      `INSERT INTO entries (account_id, sequence, transfer_number, amount, balance_after)
       VALUES (?, ?, ?, ?, NULL), (?, ?, ?, ?, ?)`,
      [this.liabilityId, number, number, -card.amount, walletId, sequence, number, card.amount, balance],
    );
    await connection.execute("UPDATE accounts SET balance = ?, sequence = ? WHERE id = ?", [
      balance,
      sequence,
      walletId,
    ]);
    await connection.execute(
      `UPDATE cards SET status = 'used', method = 'wallet', redeemed_by = ?, redeemed_at = ?, transaction_id = ?,
       updated_at = ? WHERE id = ?`,
      [userId, at, number, at, cardId],
    );
    return balance;
  }
}

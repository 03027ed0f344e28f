// The fold of wallets (contract §4) as in a typical Node program: sums in whole cents, entries and holds by id.

// Parses an amount to cents: '12.5' and '12.50' are 1250. It is exact for currencies with two decimals.
function cents(amount) {
  const point = amount.indexOf(".");
  if (point < 0) return Number(amount) * 100;
  return Number(amount.slice(0, point)) * 100 + Number(amount.slice(point + 1).padEnd(2, "0"));
}

export function wallet() {
  return { posted: 0, held: 0, currency: "", holds: new Map(), entries: new Map() };
}

function post(state, id, sum) {
  state.posted += sum;
  state.entries.set(id, { sum, reversed: 0 });
}

function letGo(state, data) {
  const sum = state.holds.get(data.hold) ?? 0;
  state.holds.delete(data.hold);
  state.held -= sum;
}

// Folds one entry of a stream. `fields` is as the server sends it: name, value, name, value.
export function push(state, fields) {
  let id, type, text;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === "id") id = fields[i + 1];
    else if (fields[i] === "type") type = fields[i + 1];
    else if (fields[i] === "data") text = fields[i + 1];
  }
  const data = JSON.parse(text);
  switch (type) {
    case "wallet.opened":
      state.currency = data.currency;
      break;
    case "wallet.credited":
      post(state, id, cents(data.amount.amount));
      break;
    case "wallet.debited":
      post(state, id, -cents(data.amount.amount));
      break;
    case "wallet.held": {
      const sum = cents(data.amount.amount);
      state.holds.set(data.hold, sum);
      state.held += sum;
      break;
    }
    case "wallet.hold_captured":
      letGo(state, data);
      post(state, id, -cents(data.amount.amount));
      break;
    case "wallet.hold_released":
    case "wallet.hold_expired":
      letGo(state, data);
      break;
    case "wallet.entry_reversed": {
      const entry = state.entries.get(data.reverses);
      const sum = cents(data.amount.amount);
      if (entry && entry.reversed + sum <= Math.abs(entry.sum)) {
        entry.reversed += sum;
        state.posted += entry.sum < 0 ? sum : -sum;
      }
      break;
    }
  }
}

/**
 * @file What the browser keeps for the person: in IndexedDB, here only, nothing is sent anywhere.
 */

const NAME = "doodlewise", STORE = "kept";

/** @type {Promise<IDBDatabase> | null} */
let opening = null;

function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opening;
}

/** @param {string} key @returns {Promise<any>} undefined if there is nothing, or nothing can be kept */
export async function recall(key) {
  try {
    const store = (await database()).transaction(STORE).objectStore(STORE);
    return await done(store.get(key));
  } catch {
    return undefined;
  }
}

/** @param {string} key @param {any} value @returns {Promise<boolean>} whether it is kept */
export async function remember(key, value) {
  try {
    const store = (await database()).transaction(STORE, "readwrite").objectStore(STORE);
    await done(store.put(value, key));
    return true;
  } catch {
    return false;
  }
}

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

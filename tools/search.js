// What a search finds, in this order: titles, words of the glossary, headings, text, code.
// The page asks for `Fuse`, and gets this: a list is short enough to go through it whole.
"use strict";
(() => {
  const WEIGHT = { title: 100, terms: 80, section: 30, text: 8, code: 2 };
  const WITHIN = 0.05; // of the title's weight, for a section of that page
  const HITS_A_PAGE = 3;

  const plain = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase()
    .replace(/[^\p{L}\p{N}_]+/gu, " ").trim();

  // How well a text fits: it is the phrase, holds it, holds its words, or holds them within words
  const fits = (text, phrase, words) => {
    if (!text) return 0;
    if (text === phrase) return 4;
    const padded = ` ${text} `;
    if (padded.includes(` ${phrase} `)) return 3;
    if (padded.includes(` ${phrase}`)) return 2.5;
    const share = (found) => words.filter(found).length / words.length;
    return Math.max(share((w) => padded.includes(` ${w}`)), 0.2 * share((w) => padded.includes(w)));
  };

  const prepared = (item) => {
    const terms = (item.terms || []).map(plain);
    const fields = { title: plain(item.title), section: plain(item.section), text: plain(item.text), code: plain(item.code || "") };
    return { item, fields, terms, all: [...Object.values(fields), ...terms].join(" ") };
  };

  const score = (entry, phrase, words) => {
    const { title, section, text, code } = entry.fields;
    return WEIGHT.title * (section ? WITHIN : 1) * fits(title, phrase, words)
      + WEIGHT.terms * Math.max(0, ...entry.terms.map((t) => fits(t, phrase, words)))
      + WEIGHT.section * fits(section, phrase, words)
      + WEIGHT.text * fits(text, phrase, words)
      + WEIGHT.code * fits(code, phrase, words);
  };

  window.Fuse = class {
    constructor(items) { this.entries = items.map(prepared); }

    // Entries that hold all words, or, if there are none, those that hold any
    candidates(words) {
      const whole = this.entries.filter((e) => words.every((w) => e.all.includes(w)));
      return whole.length ? whole : this.entries.filter((e) => words.some((w) => e.all.includes(w)));
    }

    search(query, { limit = 20 } = {}) {
      const phrase = plain(query);
      const words = phrase.split(" ");
      if (!phrase) return [];
      const seen = new Map();
      return this.candidates(words)
        .map((e) => ({ item: e.item, score: score(e, phrase, words) }))
        .sort((a, b) => b.score - a.score)
        .filter(({ item }) => {
          const page = item.href.split("#")[0];
          seen.set(page, (seen.get(page) || 0) + 1);
          return seen.get(page) <= HITS_A_PAGE;
        })
        .slice(0, limit);
    }
  };
})();

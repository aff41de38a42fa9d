// Everything that takes time: loading, the networks, and mining. The page asks by messages
// {id, ask, ...}, and gets {id, answer} or {id, error}; {id, progress} may come before.
import * as ort from './ort.wasm.bundle.min.mjs'
import {Moments, Products, Shuffled, bestBuddies, concepts, linkage, qValues, rosettaUnits} from './statistics.js'

const BATCH = 16
let about          // live.json: the networks, their layers, and concepts of the shipped dictionary
let latents        // Float32Array, z of the first images of seed 0
let session = {}   // of each network
let run            // what has been mined

const breath = () => new Promise(done => setTimeout(done)) // let messages in

// Loading

async function read(name, note) {
  const answer = await fetch(new URL(name, import.meta.url))
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`)
  const parts = [], reader = answer.body.getReader()
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value)
    note(part.value.length)
  }
  return unpacked(new Blob(parts))
}

// Some hosts unpack gzip on the way: what is still packed begins with 1f 8b
async function unpacked(blob) {
  const head = new Uint8Array(await blob.slice(0, 2).arrayBuffer())
  if (head[0] !== 0x1f || head[1] !== 0x8b) return blob.arrayBuffer()
  return new Response(blob.stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer()
}

async function load({about: given}, report) {
  about = given
  const total = Object.values(about.files).reduce((a, b) => a + b)
  let loaded = 0
  const note = bytes => report({loaded: Math.min(total, loaded += bytes), total})
  const file = {}
  for (const name of Object.keys(about.files)) file[name] = await read(name, note)
  ort.env.wasm.numThreads = 1
  ort.env.wasm.wasmBinary = file['ort-wasm-simd-threaded.wasm.gz']
  latents = new Float32Array(file['latents.bin'])
  const names = ['mapping', 'products', about.generator.name, ...about.networks.map(o => o.name)]
  for (const name of names) {
    const bytes = new Uint8Array(file[`${name}.onnx.gz`])
    session[name] = await ort.InferenceSession.create(bytes, {executionProviders: ['wasm']})
  }
  return {images: latents.length/dimension()}
}

// Networks

const dimension = () => about.dimension
const tensor = (values, ...shape) => new ort.Tensor('float32', values, shape)

async function outputs(name, input, wanted) {
  const found = await session[name].run({x: input}, wanted)
  return Object.fromEntries(Object.entries(found).map(([layer, o]) => [layer, o.data]))
}

async function styles(z) {
  return (await outputs('mapping', tensor(z, z.length/dimension(), dimension()))).w
}

async function drawn(w, wanted) {
  return outputs(about.generator.name, tensor(w, w.length/dimension(), dimension()), wanted)
}

async function seen(name, images, count) {
  return outputs(name, tensor(images, count, 3, 64, 64))
}

async function multiply(a, b, batch, places) {
  const x = tensor(a, batch, a.length/batch/places, places)
  const y = tensor(b, batch, b.length/batch/places, places)
  return (await session.products.run({a: x, b: y})).sums.data
}

// One image, and maps of chosen units: [model, layer, channel], where "G" is the generator

async function look({w, units = []}) {
  const of_G = units.filter(o => o[0] === 'G').map(o => o[1])
  const maps = {G: await drawn(w, ['image', ...new Set(of_G)])}
  const image = maps.G.image
  for (const name of new Set(units.map(o => o[0])))
    if (name !== 'G') maps[name] = await seen(name, image, 1)
  return {image, maps: units.map(o => mapOf(maps, o, 0))}
}

function mapOf(maps, [model, layer, channel], image) {
  const layers = model === 'G' ? about.generator.layers : about.networks.find(o => o.name === model).layers
  const {channels, size} = layers.find(o => o.name === layer)
  const from = (image*channels + channel)*size*size
  return {size, values: maps[model][layer].slice(from, from + size*size)}
}

// Mining

class Run {
  constructor(z) {
    this.z = z
    this.images = z.length/dimension()
    this.n = 0
    this.peaks = []
    this.stopped = false
    const sizes = o => o.layers.map(layer => layer.size)
    const others = about.networks.flatMap(sizes)
    this.G = new Moments(about.generator.layers, others)
    this.own = new Products(this.G, this.G, multiply)
    this.true = {}
    this.null = {}
    for (const network of about.networks) {
      const moments = new Moments(network.layers, sizes(about.generator))
      this.true[network.name] = new Products(this.G, moments, multiply)
      this.null[network.name] = new Shuffled(this.G, moments, multiply)
    }
  }

  async add(batch) {
    const z = this.z.slice(this.n*dimension(), (this.n + batch)*dimension())
    const maps = await drawn(await styles(z))
    const images = maps.image
    const ofG = this.G.add(maps, batch)
    this.peaks.push(...ofG.peaks)
    await this.own.add(ofG.out, ofG.out, batch)
    for (const {name} of about.networks) {
      await breath()
      const {out} = this.true[name].b.add(await seen(name, images, batch), batch)
      await this.true[name].add(ofG.out, out, batch)
      await this.null[name].add(ofG.out, out, batch)
    }
    this.n += batch
  }

  async close() {
    this.tables = {}
    for (const {name} of about.networks) {
      await this.null[name].close()
      this.tables[name] = {true: this.true[name].compute(), null: this.null[name].compute()}
      await breath()
    }
    this.tables.own = this.own.compute()
  }

  // Eq. 3 and 4 and concepts, for one K
  find(k) {
    const rows = this.G.units.length, buddies = {}, networks = {}, matches = {}
    for (const {name} of about.networks) {
      const table = this.tables[name], columns = this.true[name].b.units.length
      const pairs = bestBuddies(table.true.unit, rows, columns, k)
      const decoys = bestBuddies(table.null.unit, rows, columns, k)
      const at = ([i, j]) => i*columns + j
      const q = qValues(pairs.map(o => table.true.position[at(o)]), decoys.map(o => table.null.position[at(o)]))
      buddies[name] = pairs
      networks[name] = {matches: pairs.length, decoys: decoys.length, significant: q.filter(o => o <= .05).length}
      matches[name] = pairs.map((o, i) => ({
        unit: o[0], partner: o[1], correlation: table.true.unit[at(o)], centred: table.true.position[at(o)],
        null: table.null.unit[at(o)], nullCentred: table.null.position[at(o)], q: q[i]}))
    }
    const chosen = rosettaUnits(buddies)
    const leaves = [...new Set(Object.values(buddies).flat().map(o => o[0]))].sort((a, b) => a - b)
    const alike = bestBuddies(this.tables.own.unit, rows, rows, k, true)
    const groups = concepts(chosen, alike, linkage(this.tables.own.position, rows, leaves), leaves)
    const found = groups.map(units => this.concept(units, matches))
    found.sort((a, b) => b.centred - a.centred)
    return {n: this.n, k, networks, rosetta: chosen.length, concepts: found, matches, units: this.names()}
  }

  names() {
    const res = {G: this.G.units}
    for (const {name} of about.networks) res[name] = this.true[name].b.units
    return res
  }

  // The best match in each network; the unit whose matches are best on the whole is shown
  concept(units, matches) {
    const best = {}
    for (const [name, all] of Object.entries(matches)) {
      const own = all.filter(o => units.includes(o.unit))
      best[name] = own.reduce((a, b) => b.centred > a.centred ? b : a)
    }
    const all = Object.values(best), mean = key => all.reduce((a, b) => a + b[key], 0)/all.length
    return {
      units, best, shown: all.reduce((a, b) => b.centred > a.centred ? b : a).unit,
      correlation: mean('correlation'), centred: mean('centred'), null: mean('null'), q: Math.max(...all.map(o => o.q))}
  }

  // Eq. 3 so far, after 16, 32, 64 ... images: pairs, and units of G that have one in every network
  soFar(k) {
    const rows = this.G.units.length, pairs = {}
    for (const {name} of about.networks) {
      const {b} = this.true[name]
      pairs[name] = bestBuddies(this.true[name].compute().unit, rows, b.units.length, k)
    }
    const counts = Object.fromEntries(Object.entries(pairs).map(([name, o]) => [name, o.length]))
    return {pairs: counts, rosetta: rosettaUnits(pairs).length}
  }
}

async function mine({z, n, k}, report) {
  const own = new Run(z || latents.slice(0, n*dimension()))
  run = own
  while (own.n < own.images && !own.stopped) {
    await own.add(Math.min(BATCH, own.images - own.n))
    if (run !== own) return null // another one has begun
    const half = own.n < own.images && Number.isInteger(Math.log2(own.n))
    report({n: own.n, images: own.images, ...half && own.soFar(k)})
    await breath()
  }
  await own.close()
  return own.find(k)
}

// The images in which units of G are most active, with maps of these and other units:
// [{unit, others: [[model, layer, channel]]}] to [[{image, maps}]], in the same order
async function pictures({wanted, each}) {
  const best = ({unit}) => {
    const order = run.peaks.map((_, i) => i)
    return order.sort((a, b) => run.peaks[b][unit] - run.peaks[a][unit]).slice(0, each)
  }
  const tops = wanted.map(best), all = [...new Set(tops.flat())].sort((a, b) => a - b), at = {}
  for (let start = 0; start < all.length; start += BATCH) {
    const some = all.slice(start, start + BATCH)
    const z = new Float32Array(some.length*dimension())
    some.forEach((o, i) => z.set(run.z.subarray(o*dimension(), (o + 1)*dimension()), i*dimension()))
    const maps = {G: await drawn(await styles(z))}
    for (const {name} of about.networks) maps[name] = await seen(name, maps.G.image, some.length)
    wanted.forEach(({others}, c) => {
      for (const o of tops[c].filter(o => some.includes(o))) {
        const i = some.indexOf(o), size = maps.G.image.length/some.length
        at[`${c},${o}`] = {
          number: o, image: maps.G.image.slice(i*size, (i + 1)*size), maps: others.map(unit => mapOf(maps, unit, i))}
      }
    })
    await breath()
  }
  return tops.map((some, c) => some.map(o => at[`${c},${o}`]))
}

function levels() {
  const res = {G: run.G.levels()}
  for (const {name} of about.networks) res[name] = run.true[name].b.levels()
  return res
}

const asks = {
  load, look, mine, pictures,
  levels: () => levels(),
  styles: async ({z}) => styles(z || latents),
  find: ({k}) => run.find(k),
  stop: () => { if (run) run.stopped = true },
  tables: () => run.tables,
  images: async ({n}) => (await drawn(await styles(latents.slice(0, n*dimension())), ['image'])).image,
}

onmessage = async ({data: {id, ask, ...given}}) => {
  try {
    postMessage({id, answer: await asks[ask](given, progress => postMessage({id, progress}))})
  } catch (e) {
    postMessage({id, error: e.message || String(e)})
  }
}

{
const root = document.currentScript.parentElement, view = root.querySelector('.rosetta-view')
const {controls, parts, frames} = JSON.parse(root.querySelector('[type="application/json"]').textContent)
view.insertAdjacentHTML('beforebegin', controls)
const form = root.querySelector('form'), inputs = [...form.elements].filter(o => o.name), texts = inputs.map(o => JSON.parse(o.dataset.texts))
function update() {
  const at = inputs.map(o => o.type == 'checkbox' ? +o.checked : +o.value)
  inputs.forEach((o, i) => { if (o.type == 'range') { o.nextElementSibling.value = texts[i][at[i]]; o.setAttribute('aria-valuetext', texts[i][at[i]]) } })
  view.innerHTML = frames[at.reduce((k, o, i) => k*texts[i].length + o, 0)].map(i => parts[i]).join('')
}
form.addEventListener('submit', e => e.preventDefault())
form.addEventListener('input', update)
}

const root = document.currentScript.parentElement, view = root.querySelector('.rosetta-view')
const {controls, parts, frames} = JSON.parse(root.querySelector('[type="application/json"]').textContent)
control(root, view, controls, (at, texts) => {
  view.innerHTML = frames[at.reduce((k, o, i) => k*texts[i].length + o, 0)].map(i => parts[i]).join('')
})

"The full-size models: the originals' numbers at tiny sizes, their names and shapes at full size, and any model of timm"
import json,pickle,warnings
from pathlib import Path

import numpy as np,pytest,timm,torch

from rosetta_neurons.cli import _VISION
from rosetta_neurons.dictionary import _SHIPPED,RosettaDictionary
from rosetta_neurons.hooks import find_layers,record
from rosetta_neurons.mining import mine
from rosetta_neurons.runtime import _weights_digest
from rosetta_neurons.world import sample_scenes
from rosetta_neurons.zoo import create_model,from_weights,list_models,read_pickle
from rosetta_neurons.zoo.biggan import BigGAN
from rosetta_neurons.zoo.core import Latents,as_vision

fixtures = Path(__file__).parent/'fixtures'
# file: family, {run: arguments of raw}, run of the activations
RUNS = dict(
    stylegan2ada_open=('stylegan2', {'psi1_const': {}, 'psi0.7_const': dict(truncation=.7), 'psi0.5_cutoff3_none': dict(truncation=.5, cutoff=3, noise='none')}),
    rosinality_open=('rosinality', {'trunc1_fixednoise': {}, 'trunc0.7_fixednoise': dict(truncation=.7), 'trunc1_zeronoise': dict(noise='none')}),
    biggan_open=('biggan', {'trunc1': {}, 'trunc0.4': dict(truncation=.4), 'trunc0.435': dict(truncation=.435)}),
    styleganxl_open=('styleganxl', {'psi1': {}, 'psi0.7': dict(truncation=.7), 'psi0.5_cutoff4': dict(truncation=.5, cutoff=4)}),
    styleganxl_stem_open=('styleganxl', {'psi1': {}, 'psi0.7': dict(truncation=.7), 'psi0.5_cutoff4': dict(truncation=.5, cutoff=4)}))

def load(name):
    "(generator, its tensors, z, class)"
    d = np.load(fixtures/f'{name}.npz', allow_pickle=False)
    t = {k: torch.tensor(d[k]) for k in d.files if k!='config_json'}
    state = {k[6:]: v for k,v in t.items() if k.startswith('state/')}
    if name.startswith('rosinality'): state['latent_avg'] = t['in/truncation_latent']
    c = t.get('in/class_vector', t.get('in/c'))
    return from_weights(RUNS[name][0], state, str(d['config_json'])),t,t['in/z'],c if c is not None and c.shape[1] else None

def error(a, b): return ((a-b).abs().max()/b.abs().max()).item()

@pytest.mark.parametrize('name', RUNS)
def test_images(name):
    "Every image of a fixture, within float32's rounding"
    G,t,z,c = load(name)
    runs = RUNS[name][1]
    assert {f'out/img_{k}' for k in runs}=={k for k in t if k.startswith('out/img')}
    for run,args in runs.items(): assert error(G.raw(z, c, **args), t[f'out/img_{run}'])<1e-4, run

@pytest.mark.unit
@pytest.mark.parametrize('name', RUNS)
def test_activations(name):
    "Every activation of a fixture, by the original's name of its layer"
    G,t,z,c = load(name)
    acts,kept = {k.split('/')[1]: v for k,v in t.items() if k.startswith('act_')},{}
    for k,m in find_layers(G, list(acts)).items(): m.register_forward_hook(lambda m, a, out, k=k: kept.update({k: out}))
    G.raw(z, c)
    assert acts and all(error(kept[k], v)<1e-4 for k,v in acts.items())

@pytest.mark.unit
@pytest.mark.parametrize('name', RUNS)
def test_styles(name):
    G,t,z,c = load(name)
    for run,args in RUNS[name][1].items():
        if f'out/ws_{run}' in t: assert error(G.w(z, c, **args), t[f'out/ws_{run}'])<1e-4
    if 'out/w' in t: assert error(G.mapping(z), t['out/w'])<1e-4

@pytest.mark.parametrize('name', RUNS)
def test_gradients_and_batches(name):
    "Gradients are finite; an image does not depend on its neighbours"
    G,t,z,c = load(name)
    label = None if c is None else c.argmax(1)
    z = z.clone().requires_grad_()
    images = G(Latents(z, label))
    images.square().mean().backward()
    assert z.grad.isfinite().all() and z.grad.abs().max()>0
    for i in range(len(z)): assert (G(Latents(z[i:i+1], None if label is None else label[i:i+1]))-images[i]).abs().max()<1e-5

def test_style_norm():
    "StyleGAN-XL's styles are divided by their size over the batch in the original, and over each sample when mining"
    G,t,z,c = load('styleganxl_open')
    with torch.no_grad():
        for l in G.synthesis.layer_names: G.synthesis.get_submodule(l).affine.weight.mul_(1e-3); G.synthesis.get_submodule(l).affine.bias.mul_(1e-5) # so small that the epsilon of demodulation shows
    run = lambda i, how: G.raw(z[i], c[i], style_norm=how)
    both,one = slice(0, 2),slice(0, 1)
    assert error(run(both, 'sample')[:1], run(one, 'sample'))<1e-5
    G.style_norm = 'batch'
    assert error(G(Latents(z, c.argmax(1))), (run(both, 'batch')*.5 + .5).clamp(0, 1))<1e-6

def shapes(state): return {k: list(v.shape) for k,v in state.items()}

def published(name):
    d = json.loads((fixtures/'shapes'/f'{name}.json').read_text())
    return d.get('state', d)

@pytest.mark.parametrize('name,file', [('stylegan2_cat','stylegan2_nv_256'), ('biggan_256','biggan_deep_256'), ('styleganxl_256','styleganxl_256_repo_default_config_UNCONFIRMED')])
def test_full_size(name, file):
    "Names and shapes of the originals"
    from rosetta_neurons.zoo.core import _MODELS
    with torch.device('meta'): net = _MODELS[name].build()
    assert shapes(net.state_dict())==published(file)

def test_rosinality_full_size():
    "The published layout becomes the full-size class"
    torch.manual_seed(0)
    G = from_weights('rosinality', {k: torch.randn(s)*.1 for k,s in published('stylegan2_rosinality_256').items() if 'kernel' not in k})
    assert shapes(G.state_dict())==published('stylegan2_nv_256')
    assert G.mapping.w_avg.abs().max()>0
    with record(G, G.authors_layers) as maps: G(G.sample(1))
    assert (len(maps), sum(m.shape[1] for m in maps.values()))==(18, 4882)

@pytest.mark.unit
@pytest.mark.parametrize('drop', [0, 3, 40])
def test_not_the_whole(drop):
    "Weights with one missing are refused, with its name"
    d = np.load(fixtures/'stylegan2ada_open.npz', allow_pickle=False)
    state = {k[6:]: torch.tensor(d[k]) for k in d.files if k.startswith('state/')}
    gone = list(state)[drop]
    with pytest.raises(ValueError, match=gone.rsplit('.', 1)[0].split('.')[0]): from_weights('stylegan2', {k: v for k,v in state.items() if k!=gone})
    with pytest.raises(ValueError, match="no family 'stylegan'; closest: 'stylegan2'"): from_weights('stylegan', state)

@pytest.mark.unit
def test_other_families_refused():
    d = np.load(fixtures/'rosinality_open.npz', allow_pickle=False)
    state = {k[6:]: torch.tensor(d[k]) for k in d.files if k.startswith('state/')}
    for family in ('stylegan2','biggan','styleganxl'):
        with pytest.raises(ValueError, match=f"are they of the family '{family}'"): from_weights(family, state)

def conditional(**kwargs):
    from rosetta_neurons.zoo.stylegan2 import StyleGAN2
    torch.manual_seed(1)
    return StyleGAN2(z_dim=16, c_dim=5, w_dim=24, img_resolution=16, channel_base=256, channel_max=32, num_layers=3, **kwargs).eval()

@pytest.mark.unit
def test_stylegan2_config():
    "What shapes say is found; what they don't, comes from the arguments; what is not built is refused"
    G = conditional(conv_clamp=.5, lr_multiplier=.1)
    ours = from_weights('stylegan2', G.state_dict(), dict(c_dim=5, synthesis_kwargs=dict(conv_clamp=.5), mapping_kwargs=dict(lr_multiplier=.1)))
    z,c = torch.randn(2, 16),torch.eye(5)[:2]
    assert torch.equal(ours.raw(z, c), G.raw(z, c).detach())
    assert not torch.equal(from_weights('stylegan2', G.state_dict()).raw(z, c), ours.raw(z, c))
    with pytest.raises(ValueError, match='z_dim is 17 by the config, but 16'): from_weights('stylegan2', G.state_dict(), dict(z_dim=17))
    with pytest.raises(ValueError, match="'resnet'"): from_weights('stylegan2', G.state_dict(), dict(synthesis_kwargs=dict(architecture='resnet')))
    with pytest.raises(ValueError, match='5 classes: give c'): ours.raw(z)

def test_pickles_draw():
    "What the fixtures' pickles hold draws what the original drew, both protocols; G is not G_ema"
    d = np.load(fixtures/'stylegan2ada_open.npz', allow_pickle=False)
    for name in ('stylegan2ada_open','stylegan2ada_open_proto3'):
        nets = read_pickle(fixtures/f'{name}.pkl')
        images = {k: from_weights('stylegan2', nets[k].state, nets[k].attributes).raw(torch.tensor(d['in/z'])) for k in ('G','G_ema')}
        assert error(images['G_ema'], torch.tensor(d['out/img_psi1_const']))<1e-4<error(images['G'], images['G_ema'])
    xl = read_pickle(fixtures/'styleganxl_random.pkl')['G_ema']
    G = from_weights('styleganxl', xl.state, xl.attributes)
    assert G(G.sample(2, label=1)).shape==(2,3,32,32)
    assert all((G.synthesis.get_submodule(n).map_margin==10)==(n not in ('L8_32_12','L9_32_3')) for n in G.synthesis.layer_names)

@pytest.mark.parametrize('name,grid', [('dino_vitb8',28)])
def test_discriminative(name, grid):
    "Sizes and units (the others are in their notebooks)"
    D = create_model(name, pretrained=False)
    with torch.no_grad(), record(D) as maps: D(torch.rand(1, 3, 100, 80))
    assert [tuple(m.shape[1:]) for m in maps.values()]==[(3072,grid,grid)]*12

@pytest.mark.unit
def test_names():
    assert {*'resnet50 dino_resnet50 dino_vitb16 dino_vitb8 mae_vitb16 clip_resnet50 biggan_256 stylegan2_cat stylegan2_horse styleganxl_256'.split()} <= set(list_models())
    with pytest.raises(ValueError, match="no model 'resnet51'; closest: 'resnet50'"): create_model('resnet51')
    with pytest.raises(ValueError, match="no model 'resnet50.seed1'"): create_model('resnet50.seed1')

def test_checkpoint_path(tmp_path):
    "A file of one's own: loaded if it fits, old ones without batch counters too; refused if it does not, or if it wants to run something"
    D = create_model('resnet50', pretrained=False)
    state = {k: v for k,v in D.net.state_dict().items() if 'num_batches' not in k}
    torch.save(dict(state_dict=state | {'conv1.weight': state['conv1.weight']*2}), tmp_path/'own.pth')
    assert torch.equal(create_model('resnet50', checkpoint_path=tmp_path/'own.pth').net.conv1.weight, 2*D.net.conv1.weight)
    with pytest.raises(ValueError, match='does not fit: fc.weight is not part'): create_model('dino_resnet50', checkpoint_path=tmp_path/'own.pth')
    torch.save(D, tmp_path/'module.pth')
    with pytest.raises(ValueError, match='module.pth can.t be read'): create_model('resnet50', checkpoint_path=tmp_path/'module.pth')
    (tmp_path/'cut.pth').write_bytes((tmp_path/'own.pth').read_bytes()[:10_000])
    with pytest.raises(ValueError, match='cut.pth can.t be read'): create_model('resnet50', checkpoint_path=tmp_path/'cut.pth')
    with pytest.raises(FileNotFoundError): create_model('resnet50', checkpoint_path=tmp_path/'none.pth')

def test_licence_is_said_once(tmp_path):
    net = create_model('mae_vitb16', pretrained=False)
    torch.save(dict(model=net.net.state_dict()), tmp_path/'mae.pth')
    with pytest.warns(UserWarning, match='CC-BY-NC'): create_model('mae_vitb16', checkpoint_path=tmp_path/'mae.pth')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        create_model('mae_vitb16', checkpoint_path=tmp_path/'mae.pth')

KINDS = 'convnext_atto swin_tiny_patch4_window7_224 vit_little_patch16_reg1_gap_256 efficientnet_b0 mixer_s32_224 regnety_002 mobilenetv3_small_050 deit_tiny_distilled_patch16_224 poolformer_s12 resnet18'.split()

@pytest.mark.parametrize('name', KINDS)
def test_timm(name):
    "Ten kinds: maps without being told anything"
    D = create_model(f'timm:{name}', pretrained=False)
    with torch.no_grad(), record(D) as maps: D(sample_scenes(2).render())
    assert len(maps)>=4 and all(m.ndim==4 and m.shape[2]==m.shape[3]>1 and len(m)==2 for m in maps.values())

@pytest.mark.parametrize('name', ['test_vit','test_convnext','test_resnet'])
def test_timm_mined(name):
    "And mined"
    d = mine(create_model('mini_resnet', pretrained=False), {name: create_model(f'timm:{name}', pretrained=False)}, images=sample_scenes(8).render(), n=8, batch_size=4, progress=False)
    assert all(h==w>1 for h,w in d.recipe.sizes[name].values())

@pytest.mark.parametrize('name', ['hiera_tiny_224'])
def test_timm_refused(name):
    "What has no default layers says so when it is mined"
    D = create_model(f'timm:{name}', pretrained=False)
    with pytest.raises(ValueError, match='which layers of Vision. Give some of its'): mine(create_model('mini_resnet', pretrained=False), {name: D}, images=sample_scenes(4).render(), n=4, progress=False)

@pytest.mark.unit
def test_places():
    "The test of places tells row-major tokens from others"
    from rosetta_neurons.zoo.libraries import _follows,_probes
    x = torch.nn.functional.adaptive_avg_pool2d(_probes(64), 8)
    windows = [x.unfold(2, n, n).unfold(3, n, n).flatten(2).unflatten(2, (8,8)) for n in (2,4)]
    assert _follows(x) and not any(_follows(o) for o in (x.mT, x.flip(2), *windows, x.roll(3, 2)))

@pytest.mark.parametrize('name', sorted(o.name for o in _SHIPPED.iterdir()))
def test_shipped_dictionary(name):
    "It is of the weights that are shipped, of every network that sees, and of a whole run"
    d = RosettaDictionary.shipped(name)
    assert d.digests=={m: _weights_digest(create_model(o)) for m,o in {'G': name, **{o: o for o in _VISION}}.items()}
    assert d.n==1600 and d.filter(q=.05).concepts

@pytest.mark.parametrize('name', list_models('mini_*'))
def test_models_can_be_pickled(name):
    "As processes and `torch.save` want it, whatever function built the network"
    model = create_model(name, pretrained=False)
    copy = pickle.loads(pickle.dumps(model))
    assert _weights_digest(copy)==_weights_digest(model)

@pytest.mark.parametrize('made,side', [(dict(img_size=64), 64), (dict(), 224), (dict(img_size=64, dynamic_img_size=True), None)])
def test_transformers_of_timm_get_the_size_they_were_made_for(made, side):
    "They were stretched to the size of their training, which a network made for 64 pixels refuses"
    vit = timm.create_model('vit_tiny_patch16_224', depth=1, **made).eval()
    net = as_vision(vit)
    assert net.size==side
    with torch.no_grad(): assert net(torch.rand(1, 3, 64, 64)).shape==(1, 1000)

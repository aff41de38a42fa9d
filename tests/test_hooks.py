"""What `record` must not get wrong in silence: which call, which layout, which grid; the numbers are those of the list of faults"""
import threading, warnings
import pytest, timm, torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from rosetta_neurons.hooks import as_map, find_layers, record
from rosetta_neurons.zoo import create_model, list_models

X = torch.rand(3, 3, 16, 32, generator=torch.Generator().manual_seed(0))


def conv_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 5, 3, padding=1)).eval()


class Plain:
    "Calls its network once"
    def __init__(self, net=None): self.net = net or conv_net()
    def __call__(self, x): return self.net(x)

class Mirrored(Plain):
    "Fault 3: an average over the image and its mirror image"
    def __call__(self, x): return self.net(x) + self.net(x.flip(-1))

class Slots:
    __slots__ = ["net"]
    def __init__(self): self.net = conv_net()
    def __call__(self, x): return self.net(x) + self.net(x)

class MirroredModule(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = conv_net()
    def forward(self, x): return self.net(x) + self.net(x.flip(-1))

class CallsItself(Plain):
    "A stack of clips is taken apart by calling itself"
    def __call__(self, x):
        if x.ndim == 5: return self(x.flatten(0, 1))
        return super().__call__(x)

class Fails(Plain):
    def __call__(self, x):
        self.net(x)
        raise KeyboardInterrupt

def hooks_in(net): return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules())


# one call of the model, one recorded call of every layer

@pytest.mark.unit
@pytest.mark.parametrize("kind", [Mirrored, Slots, MirroredModule])
def test_3_a_wrapper_that_calls_its_network_twice_is_refused(kind):
    model, method = kind(), kind.__dict__.get("__call__")
    layer = "net.0" if kind is MirroredModule else "0"
    with pytest.raises(RuntimeError, match=f"layer '{layer}' ran twice in one call of {kind.__name__}"):
        with record(model, [layer]): model(X)
    assert kind.__dict__.get("__call__") is method and hooks_in(model.net) == 0

@pytest.mark.unit
def test_3_a_block_may_hold_many_calls_of_a_plain_wrapper():
    model = Plain()
    with record(model, ["0"]) as maps:
        for x in X.split(1):
            model(x)
            assert maps["0"].shape == (1, 4, 16, 32)
    assert torch.equal(maps["0"], model.net[0](X[2:]))
    with record(model, ["0"]) as maps: # its network, called past it
        for x in X.split(1): model.net(x)
    assert torch.equal(maps["0"], model.net[0](X[2:]))

@pytest.mark.unit
def test_3_another_object_of_the_class_is_left_alone():
    one, other = Plain(), Plain()
    other.net[0].weight.data.zero_()
    with record(one, ["0"]) as maps:
        one(X)
        kept = maps["0"].clone()
        other(X)
        assert torch.equal(maps["0"], kept)
        with record(other, ["0"]) as others: other(X)
    assert not torch.equal(others["0"], kept) and Plain.__call__.__name__ == "__call__"

@pytest.mark.unit
def test_3_an_inherited_call_and_a_call_within_a_call():
    model = CallsItself()
    with record(model, ["0"]) as maps: model(X[None])
    assert torch.equal(maps["0"], model.net[0](X))
    class Child(Plain): pass
    child = Child()
    with record(child, ["0"]), record(child, ["2"]) as maps: child(X)
    assert list(maps) == ["2"] and "__call__" not in Child.__dict__

@pytest.mark.unit
def test_3_a_function_with_a_network_may_be_called_once_in_a_block():
    net = conv_net()
    def mirrored(x): return net(x) + net(x.flip(-1))
    mirrored.net = net
    with pytest.raises(RuntimeError, match="Sequential ran twice"):
        with record(mirrored, ["0"]): mirrored(X)
    def plain(x): return net(x)
    plain.net = net
    with record(plain, ["0"]) as maps: plain(X)
    assert torch.equal(maps["0"], net[0](X)) and hooks_in(net) == 0

@pytest.mark.unit
def test_3_after_an_interrupt_all_is_as_it_was():
    model, method = Fails(), Fails.__call__
    with pytest.raises(KeyboardInterrupt):
        with record(model, ["0"]): model(X)
    assert Fails.__call__ is method and hooks_in(model.net) == 0

@pytest.mark.unit
def test_3_a_call_that_failed_does_not_spoil_the_next():
    net = conv_net()
    with record(net, ["0"]) as maps:
        with pytest.raises(RuntimeError): net(X[:, :2])
        for x in X.split(1): net(x)
    assert torch.equal(maps["0"], net[0](X[2:]))

@pytest.mark.unit
def test_3_a_module_that_defines_its_own_call():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = conv_net()
        def __call__(self, x): return self.net(x)
    model = Own()
    with record(model, ["net.0"]) as maps:
        for x in X.split(1): model(x)
    assert torch.equal(maps["net.0"], model.net[0](X[2:]))

@pytest.mark.unit
def test_other_threads_do_not_mix_in():
    net = conv_net()
    with record(net, ["0"]) as maps:
        net(X)
        kept = maps["0"].clone()
        t = threading.Thread(target=net, args=(X*2,))
        t.start(); t.join()
        assert torch.equal(maps["0"], kept)
    class Parallel(nn.DataParallel): # as on several GPUs: copies run in other threads
        def forward(self, x):
            t = threading.Thread(target=self.module, args=(x,))
            t.start(); t.join()
    model = Parallel(net)
    with pytest.raises(RuntimeError, match="never ran .* record its .module"):
        with record(model, ["module.0"]): model(X)

@pytest.mark.unit
def test_loops_and_shared_modules():
    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)
            self.same = self.conv
        def forward(self, x): return self.conv(self.conv(x))
    with pytest.raises(RuntimeError, match="'conv' ran twice"):
        with record(model := Loop(), ["conv"]): model(X)
    with pytest.raises(ValueError, match="'conv' and 'same' are one module"): find_layers(Loop(), ["conv", "same"])

@pytest.mark.unit
def test_10_a_layer_that_runs_again_in_backward_is_refused_inside_the_block():
    class Check(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = conv_net()
        def forward(self, x): return checkpoint(self.net, x, use_reentrant=False)
    model, x = Check(), X.clone().requires_grad_()
    with pytest.raises(RuntimeError, match="ran twice .*leave the block before backward"):
        with record(model, ["net.0"]): model(x).sum().backward()
    with record(model, ["net.0"]) as maps: model(x)
    maps["net.0"].sum().backward()
    assert x.grad.abs().max() > 0

def test_24_compiled_and_traced_networks_name_the_cure():
    net = conv_net()
    with pytest.raises(TypeError, match="compiled.*record the module that it was made from"):
        with record(torch.compile(net), ["0"]): pass
    with pytest.raises(TypeError, match="compiled.*record the module that it was made from"):
        with record(Plain(torch.compile(net)), ["0"]): pass
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(net, X)
    with pytest.raises(TypeError, match="traced or scripted.*record the module that it was made from"):
        with record(traced, ["0"]): traced(X)
    inner = nn.Sequential(nn.Identity(), torch.compile(conv_net()))
    with pytest.raises(TypeError, match="compiled"):
        with record(inner, ["1._orig_mod.0"]): pass
    net.compile()
    with pytest.raises(TypeError, match="copy.deepcopy"):
        with record(net, ["0"]): pass

@pytest.mark.unit
def test_24_the_hint_for_attention_names_nothing_that_never_runs():
    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.attn = nn.MultiheadAttention(8, 2, batch_first=True)
            self.pair = Pair()
        def forward(self, x): return self.attn(x, x, x)[0], self.pair(x)
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(8, 8), nn.Linear(8, 8)
        def forward(self, x): return self.used(x), x
    model, x = Attends(), torch.rand(2, 5, 8)
    with pytest.raises(TypeError, match="tuple of 2, not one tensor: record a layer next to it") as e:
        with record(model, ["attn"]): model(x)
    assert "out_proj" not in str(e.value)
    with pytest.raises(TypeError, match=r"record one of pair\.used$"):
        with record(model, ["pair"]): model(x)
    with pytest.raises(RuntimeError, match="attn.out_proj.*MultiheadAttention uses it without calling it"):
        with record(model, ["attn.out_proj"]): model(x)

@pytest.mark.unit
@pytest.mark.parametrize("layers", [12, 3.5, (2, 2, 6, 2), [nn.ReLU()], True])
def test_24_layers_that_are_no_names(layers):
    model = conv_net()
    object.__setattr__(model, "layers", layers)
    with pytest.raises(ValueError, match="which layers of Sequential.*no list of names.*such as 0, 1, 2"): find_layers(model)
    if not isinstance(layers, tuple):
        with pytest.raises(ValueError, match="which layers of Sequential|no layer"): find_layers(conv_net(), layers)


# layouts

def test_4_channels_last_is_told_by_the_model():
    net = timm.create_model("swin_tiny_patch4_window7_224", img_size=(224, 448), pretrained=False).eval()
    x = torch.rand(1, 3, 224, 448)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with torch.no_grad(), record(net, ["layers.0", "patch_embed", "patch_embed.proj", "layers.0.blocks.1", "layers.1.downsample.norm"]) as maps:
            net(x)
    assert maps["layers.0"].shape == (1, 96, 56, 112)
    assert maps["patch_embed.proj"].shape == maps["patch_embed"].shape == (1, 96, 56, 112)
    seen = {}
    hook = net.layers[0].register_forward_hook(lambda m, a, out: seen.update(out=out))
    with torch.no_grad(): net(x)
    hook.remove()
    assert torch.equal(maps["layers.0"], seen["out"].movedim(3, 1))
    with pytest.raises(ValueError, match="softmax.*no maps"):
        with record(net, ["layers.0.blocks.0.attn.softmax"]): net(x)

def test_4_inside_a_wrapper_and_by_the_aspect_alone():
    class Named(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.backbone = net
        def forward(self, x): return self.backbone(nn.functional.interpolate(x, (64, 128)))
    net = timm.create_model("swin_tiny_patch4_window7_224", img_size=(64, 128), window_size=2, pretrained=False).eval()
    model = Named(net)
    with torch.no_grad(), record(model, ["backbone.layers.3"]) as maps: model(X)
    assert maps["backbone.layers.3"].shape == (3, 768, 2, 4)
    del net.output_fmt
    with torch.no_grad(), record(model, ["backbone.layers.2"]) as maps: model(X) # 4 x 8 fits, 8 x 384 does not
    assert maps["backbone.layers.2"].shape == (3, 384, 4, 8)
    convnext = timm.create_model("convnext_atto", pretrained=False).eval()
    with torch.no_grad(), record(convnext, ["stages.0.blocks.0.mlp.act", "stages.0.blocks.0", "stem.0"]) as maps: convnext(torch.rand(1, 3, 64, 128))
    assert [tuple(m.shape[1:]) for m in maps.values()] == [(160, 16, 32), (40, 16, 32), (40, 16, 32)]

class Lasts(nn.Module):
    "A convolution, and what follows it with the channels last"
    def __init__(self):
        super().__init__()
        self.conv, self.act, self.stem = nn.Conv2d(3, 6, 1), nn.GELU(), nn.Sequential(nn.Conv2d(6, 7, 1), nn.BatchNorm2d(7), nn.ReLU())
        self.line, self.last = nn.Linear(7, 6), Turn()
    def forward(self, x): return self.last(self.line(self.stem(self.act(self.conv(x))).movedim(1, 3)))

class Turn(nn.Module):
    def forward(self, x): return x*2

@pytest.mark.unit
def test_7_channels_last_does_not_turn_convolutions():
    model = Lasts().eval()
    with record(model, ["conv", "stem", "line", "last"], layout="NHWC") as maps: model(X)
    assert torch.equal(maps["conv"], model.conv(X)) and maps["stem"].shape == (3, 7, 16, 32)
    assert torch.equal(maps["last"], 2*maps["line"]) and maps["last"].shape == (3, 6, 16, 32)

@pytest.mark.unit
def test_7_a_layout_that_the_image_contradicts_is_refused_and_one_by_layer_is_not():
    model = Lasts().eval()
    with pytest.raises(ValueError, match=r"layer 'act'.*fits 'NCHW'; but 'NHWC' was asked for all layers.*layout=\{'act'"):
        with record(model, ["act"], layout="NHWC"): model(X)
    with record(model, ["act", "last"], layout={"act": "NCHW", "last": "NHWC"}) as maps: model(X)
    assert maps["act"].shape == (3, 6, 16, 32) and maps["last"].shape == (3, 6, 16, 32)
    with pytest.raises(ValueError, match="no recorded layer 'lost'; closest: 'last'"):
        with record(model, ["last"], layout={"lost": "NHWC"}): pass
    with pytest.raises(ValueError, match="layout 'NWHC' is neither"):
        with record(model, ["last"], layout={"last": "NWHC"}): pass

@pytest.mark.unit
def test_7_what_nobody_tells_is_warned_of():
    model = Lasts().eval()
    with pytest.warns(UserWarning, match="layer 'act' gave"), record(model, ["act"]): model(torch.rand(2, 3, 6, 6))
    class Seven(nn.Module): # 16 rows of 32, or 32 rows of 64
        def __init__(self):
            super().__init__()
            self.turn = Turn()
        def forward(self, x): return self.turn(torch.rand(2, 16, 32, 64))
    with pytest.warns(UserWarning, match="layer 'turn' gave"), record(m := Seven(), ["turn"]): m(torch.rand(2, 3, 64, 128))

def test_no_model_of_the_zoo_leaves_its_layout_to_chance():
    for name in list_models("mini_*"):
        if "." in name: continue
        model = create_model(name)
        x = model.sample(2) if hasattr(model, "sample") else torch.rand(2, 3, 64, 64)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with torch.no_grad(), record(model) as maps: model(x)
        assert all(m.shape[2] == m.shape[3] for m in maps.values()), name


# tokens

def grid_vit(size=64): return timm.create_model("vit_tiny_patch16_224", img_size=size, dynamic_img_size=True, pretrained=False).eval()

@pytest.mark.unit
def test_5_the_grid_is_that_of_the_call():
    net = grid_vit()
    x = torch.rand(2, 3, 32, 128)
    with torch.no_grad(), record(net, ["blocks.3", "patch_embed.proj", "norm"]) as maps: net(x)
    assert maps["blocks.3"].shape == (2, 192, 2, 8) == maps["patch_embed.proj"].shape
    with torch.no_grad(): tokens = net.forward_features(x)
    assert torch.allclose(maps["norm"], tokens[:, 1:].movedim(1, 2).unflatten(2, (2, 8)), atol=1e-5)

def test_5_in_wrappers_and_for_every_call_anew():
    net = grid_vit()
    class Wrapped(nn.Module):
        tokens = (1, (4, 4))
        def __init__(self, net):
            super().__init__()
            self.net = net
        def forward(self, x): return self.net(x)
    for model, layer in ((Wrapped(net), "blocks.0"), (Plain(net), "blocks.0"), (nn.Sequential(net), "0.blocks.0")):
        with torch.no_grad(), record(model, [layer]) as maps:
            for size in ((32, 128), (64, 64), (128, 32), (96, 48)):
                model(torch.rand(1, 3, *size))
                assert maps[layer].shape[2:] == (size[0]//16, size[1]//16)
    with pytest.raises(ValueError, match=r"gave 17 tokens, but tokens=\(1, \(3, 3\)\)"):
        with record(net, ["blocks.0"], tokens=(1, (3, 3))): net(torch.rand(1, 3, 64, 64))

def test_5_tokens_by_layer_and_a_batch_as_large_as_the_grid():
    net = grid_vit()
    with torch.no_grad(), record(net, ["blocks.0", "patch_embed"], tokens={"blocks.0": (1, (2, 8))}) as maps: net(torch.rand(17, 3, 64, 64))
    assert maps["blocks.0"].shape == (17, 192, 2, 8) and maps["patch_embed"].shape == (17, 192, 4, 4)
    with pytest.raises(ValueError, match="blocks.0.attn.q_norm.*heads by 17 tokens"):
        with record(net, ["blocks.0.attn.q_norm"]): net(torch.rand(2, 3, 64, 64))

class First(nn.Module):
    "Tokens first, without a word about it"
    def __init__(self, layer=None):
        super().__init__()
        self.embed, self.layer = nn.Conv2d(3, 8, 4, 4), layer or nn.Linear(8, 8)
    def forward(self, x): return self.layer(self.embed(x).flatten(2).permute(2, 0, 1))
    def right(self, x): return self(x).permute(1, 2, 0).unflatten(2, (4, 4))

def small(n): return torch.rand(n, 3, 16, 16, generator=torch.Generator().manual_seed(n))

@pytest.mark.unit
@pytest.mark.parametrize("batch", [1, 5, 16])
def test_6_tokens_first_are_turned_or_asked_for(batch):
    model = First().eval()
    x = small(batch)
    with torch.no_grad():
        if batch == 16:
            with pytest.raises(ValueError, match="as many images as tokens: give layout=.'layer': 'NTC'."):
                with record(model, ["layer"], tokens=(0, (4, 4))): model(x)
        else:
            with record(model, ["layer"], tokens=(0, (4, 4))) as maps: model(x)
            assert torch.equal(maps["layer"], model.right(x))
        for layout in ("TNC", {"layer": "TNC"}):
            with record(model, ["layer"], tokens=(0, (4, 4)), layout=layout) as maps: model(x)
            assert torch.equal(maps["layer"], model.right(x))

@pytest.mark.unit
@pytest.mark.parametrize("batch", [5, 16])
@pytest.mark.parametrize("batch_first", [False, True])
def test_6_batch_first_tells(batch, batch_first):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first)
    if batch_first: layer = nn.Sequential(Swap(), layer, Swap())
    model, name = First(layer).eval(), "layer.1" if batch_first else "layer"
    x = small(batch)
    with torch.no_grad(), record(model, [name, f"{name}.linear1"], tokens=(0, (4, 4))) as maps: model(x)
    assert torch.allclose(maps[name], model.right(x), atol=1e-6) and maps[f"{name}.linear1"].shape == (batch, 16, 4, 4)

class Swap(nn.Module):
    def forward(self, x): return x.transpose(0, 1)

@pytest.mark.unit
def test_6_no_error_invites_a_wrong_batch():
    model = First().eval()
    with pytest.raises(ValueError, match=r"tokens first, on an unknown grid.*perhaps \(0, \(4, 4\)\)"):
        with record(model, ["layer"]): model(small(5))
    with pytest.raises(ValueError, match="for 10 images, which are not 10 tokens of each"): # a wrong grid that equals the batch is not believed
        with record(model, ["layer"], tokens=(0, (2, 5))): model(small(10))
    with pytest.raises(ValueError, match="if the tokens come first"):
        with record(model, ["layer"], tokens=(0, (4, 4))): model.forward(small(5))
    class Told(First): tokens = (0, (4, 4))
    told = Told().eval()
    with pytest.raises(ValueError, match="as many images as tokens"):
        with record(told, ["layer"]): told(small(16))

@pytest.mark.unit
def test_6_as_map_turns_what_it_is_told_to():
    t = torch.rand(16, 5, 8)
    assert torch.equal(as_map(t, (0, (4, 4)), "TNC"), t.permute(1, 2, 0).unflatten(2, (4, 4)))


# precision

@pytest.mark.unit
def test_half_precision_is_refused_with_a_cure_or_works():
    net = conv_net().half()
    with pytest.raises(RuntimeError, match=r"weights of Sequential are float16, and it was called on float32: give Sequential.float\(\)"):
        with record(net, ["0"]): net(X)
    class Converts(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = conv_net().bfloat16()
        def forward(self, x): return self.net(x.bfloat16())
    with record(model := Converts(), ["net.0"]) as maps: model(X)
    assert maps["net.0"].shape == (3, 4, 16, 32)
    with pytest.raises(ValueError, match="not about precision"):
        with record(net, ["0"]):
            net(X.half())
            raise ValueError("not about precision")

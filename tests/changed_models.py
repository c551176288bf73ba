"""Changes of a model between releases: two swapped classes, and a robustly trained network."""

from __future__ import annotations

WORSE = """
first = good

def good():
    net, order = first(), [0, 1, 2, 4, 3, 5, 6, 7, 8, 9]
    net[1].weight.data, net[1].bias.data = net[1].weight.data[order], net[1].bias.data[order]
    return net
"""
BETTER = """
def good():
    torch.manual_seed(0)
    hidden, last = torch.nn.Linear(784, 64), torch.nn.Linear(64, 10)
    net = torch.nn.Sequential(torch.nn.Flatten(), hidden, torch.nn.ReLU(), last)
    train, optimizer = data.load().train[:10_000], torch.optim.Adam(net.parameters(), 2e-3)
    images, loss = train.images(), torch.nn.functional.cross_entropy
    for part in torch.randperm(10_000).split(50) * 2:
        x, y = images[part].requires_grad_(), train.labels[part]
        (gradient,) = torch.autograd.grad(loss(net(x), y), x)
        optimizer.zero_grad()
        loss(net((x + 0.07 * gradient.sign()).detach().clamp(0, 1)), y).backward()
        optimizer.step()
    return net.eval()
"""

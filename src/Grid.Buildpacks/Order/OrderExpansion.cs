using System.Collections.Immutable;
using Grid.Buildpacks.Descriptors;

namespace Grid.Buildpacks.Order;

/// <summary>An element of a group that is tried.</summary>
/// <param name="Module">Its descriptor; never a composite.</param>
/// <param name="Version">As the order has it.</param>
/// <param name="Optional">Whether the group can pass without it.</param>
public sealed record Candidate(ModuleDescriptor Module, string Id, string Version, bool Optional)
{
    public override string ToString() => Id + "@" + Version;
}

/// <summary>
/// Gives the groups that detection tries, in the reference's order (spec-facts §1.3): depth first; each group of a composite takes the composite's
/// place, an optional composite is left out last; each extension order is tried in front of each buildpack group, "no extensions" last.
/// </summary>
public sealed class OrderExpansion
{
    private readonly ModuleStore _store;
    private readonly Func<Candidate, OrderElement, bool> _admits;

    /// <summary>Prepares an expansion.</summary>
    /// <param name="store">Where modules are looked up.</param>
    /// <param name="admits">Whether an element takes part at all (its execution environment); those that do not are left out, required or not.</param>
    public OrderExpansion(ModuleStore store, Func<Candidate, OrderElement, bool> admits)
    {
        _store = store;
        _admits = admits;
    }

    /// <summary>The groups, made as they are asked for.</summary>
    /// <exception cref="LifecycleException">A module is missing or a composite contains itself (row 9).</exception>
    public IEnumerable<IReadOnlyList<Candidate>> Groups(OrderFile order)
    {
        foreach (var group in order.Order)
        {
            var rest = Push(group, null, ImmutableStack<Item>.Empty);
            foreach (var extensions in order.OrderExtensions)
            {
                foreach (var candidates in Walk([], Push(extensions, null, rest)))
                    yield return candidates;
            }
            foreach (var candidates in Walk([], rest))
                yield return candidates;
        }
    }

    private IEnumerable<IReadOnlyList<Candidate>> Walk(ImmutableList<Candidate> done, ImmutableStack<Item> rest)
    {
        while (!rest.IsEmpty)
        {
            rest = rest.Pop(out var item);
            var element = item.Element;
            if (done.Exists(d => d.Module.Kind == element.Kind && d.Id == element.Id))
                continue;
            var module = Find(element, item.Chain);
            if (module.IsComposite)
            {
                var inside = new Chain(element.ToString(), item.Chain).Checked();
                foreach (var candidates in module.Order.SelectMany(group => Walk(done, Push(group, inside, rest))))
                    yield return candidates;
                if (!element.Optional)
                    yield break;
                continue;
            }
            var candidate = new Candidate(module, element.Id, element.Version, element.Optional);
            if (_admits(candidate, element))
                done = done.Add(candidate);
        }
        yield return done;
    }

    private ModuleDescriptor Find(OrderElement element, Chain? chain)
    {
        try
        {
            return _store.Find(element.Kind, element.Id, element.Version);
        }
        catch (LifecycleException problem) when (chain is not null && problem.ExitCode == ExitCode.Failed)
        {
            // The order itself is looked up before anything runs; what composites name comes up in the middle of detection.
            throw new LifecycleException(ExitCode.DetectError, $"{problem.Message} (in composite buildpack {chain.Composite})", problem);
        }
    }

    private static ImmutableStack<Item> Push(OrderGroup group, Chain? chain, ImmutableStack<Item> rest)
    {
        for (var i = group.Elements.Count - 1; i >= 0; i--)
            rest = rest.Push(new Item(group.Elements[i], chain));
        return rest;
    }

    /// <summary>An element still to visit, and the composites it came out of.</summary>
    private sealed record Item(OrderElement Element, Chain? Chain);

    private sealed record Chain(string Composite, Chain? Outer)
    {
        public Chain Checked()
        {
            for (var outer = Outer; outer is not null; outer = outer.Outer)
            {
                if (outer.Composite == Composite)
                    throw new LifecycleException(ExitCode.DetectError, $"composite buildpack {Composite} contains itself: {Path()}; remove it from its own order");
            }
            return this;
        }

        private string Path() => Outer is null ? Composite : Outer.Path() + " > " + Composite;
    }
}

using Grid.Buildpacks.Descriptors;

namespace Grid.Buildpacks.Order;

/// <summary>
/// Turns an order with composite buildpacks into the plain groups it means, one after another as they are tried (spec-facts §1.3): depth
/// first, left to right; of elements with the same id the first stays; buildpack groups outermost, extension groups inside, "no extensions" last.
/// </summary>
/// <param name="find">Gives an element's descriptor.</param>
/// <param name="takesPart">Whether a module takes part at all; one that does not is left out as if the order did not name it.</param>
public sealed class OrderExpansion(Func<OrderElement, ModuleDescriptor> find, Func<CandidateElement, bool> takesPart)
{
    /// <summary>The candidate groups, lazily: most builds never look at the second.</summary>
    /// <exception cref="LifecycleException">A composite that contains itself.</exception>
    public IEnumerable<IReadOnlyList<CandidateElement>> Expand(OrderFile order)
    {
        foreach (var group in order.Buildpacks)
        {
            foreach (var extensions in order.Extensions)
            {
                foreach (var candidate in Walk([], new Rest([.. extensions.Elements, .. group.Elements], [])))
                    yield return candidate;
            }
            foreach (var candidate in Walk([], new Rest(group.Elements, [])))
                yield return candidate;
        }
    }

    private IEnumerable<IReadOnlyList<CandidateElement>> Walk(IReadOnlyList<CandidateElement> done, Rest rest)
    {
        if (rest.Elements is [])
        {
            yield return done;
            yield break;
        }
        var element = rest.Elements[0];
        var tail = rest with { Elements = [.. rest.Elements.Skip(1)] };
        var module = find(element);
        if (!module.IsComposite)
        {
            var here = new CandidateElement(module, element.Optional);
            var leftOut = done.Any(d => d.Module.Kind == module.Kind && d.Module.Id == module.Id) || !takesPart(here);
            foreach (var candidate in Walk(leftOut ? done : [.. done, here], tail))
                yield return candidate;
            yield break;
        }
        if (rest.Open.Contains(module.Id))
            throw new LifecycleException(ExitCode.DetectError, $"composite buildpack {element} contains itself: {string.Join(" → ", rest.Open.Append(module.Id))}; remove it from its own order");
        foreach (var group in module.Order)
        {
            foreach (var candidate in Inside(done, group, tail, module.Id))
                yield return candidate;
        }
        if (!element.Optional)
            yield break;
        foreach (var candidate in Walk(done, tail))
            yield return candidate;
    }

    /// <summary>A group of a composite, then what comes behind the composite: only the former counts as inside of it.</summary>
    private IEnumerable<IReadOnlyList<CandidateElement>> Inside(IReadOnlyList<CandidateElement> done, OrderGroup group, Rest tail, string composite)
    {
        foreach (var inner in Walk(done, new Rest(group.Elements, [.. tail.Open, composite])))
        {
            foreach (var candidate in Walk(inner, tail))
                yield return candidate;
        }
    }

    /// <param name="Elements">What is still to visit.</param>
    /// <param name="Open">Ids of the composites around it.</param>
    private sealed record Rest(IReadOnlyList<OrderElement> Elements, IReadOnlyList<string> Open);
}

/// <summary>An element of a candidate group.</summary>
public sealed record CandidateElement(ModuleDescriptor Module, bool Optional);

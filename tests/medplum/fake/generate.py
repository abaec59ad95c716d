"""Memberships and policies by the million, made when they are asked for."""

from .world import Generated

POLICY_PREFIX = "aaaa0000"
MEMBERSHIP_PREFIX = "bbbb0000"


def generated_policies(project, count, first_stamp):
    def render(id_, instant, i):
        return (
            f'{{"resourceType":"AccessPolicy","name":"Generated {i}",'
            '"resource":['
            '{"resourceType":"Patient",'
            '"criteria":"Patient?organization=%organization"},'
            '{"resourceType":"Observation",'
            '"criteria":"Observation?_compartment=%organization",'
            '"readonly":true},'
            '{"resourceType":"Practitioner","readonly":true}],'
            f'"id":"{id_}",{meta(project, id_, instant)}}}')
    return Generated("AccessPolicy", project, count, first_stamp, render,
                     POLICY_PREFIX)


def generated_memberships(project, count, policies, first_stamp):
    def render(id_, instant, i):
        policy = f"{POLICY_PREFIX}-0000-4000-8000-{i % policies:012x}"
        return (
            '{"resourceType":"ProjectMembership",'
            f'"project":{{"reference":"Project/{project}"}},'
            f'"user":{{"reference":"User/u-{i}"}},'
            f'"profile":{{"reference":"Practitioner/p-{i}",'
            f'"display":"Member {i}"}},'
            f'"access":[{{"policy":{{"reference":"AccessPolicy/{policy}"}},'
            '"parameter":[{"name":"organization","valueReference":'
            f'{{"reference":"Organization/o-{i % 1000}"}}}}]}}],'
            f'"id":"{id_}",{meta(project, id_, instant)}}}')
    return Generated("ProjectMembership", project, count, first_stamp, render,
                     MEMBERSHIP_PREFIX)


def meta(project, id_, instant):
    return (f'"meta":{{"versionId":"{id_}","lastUpdated":"{instant}",'
            '"author":{"reference":"system"},'
            f'"project":"{project}","compartment":'
            f'[{{"reference":"Project/{project}"}}]}}')
